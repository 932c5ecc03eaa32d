/** One broker of `AMQP_URL`, taken apart. */
export interface BrokerAddress {
  readonly secure: boolean;
  readonly host: string;
  readonly port: number;
  /** `null`: none in the URL; with a client certificate that means "the certificate says who we are". */
  readonly login: { readonly user: string; readonly password: string } | null;
  readonly vhost: string;
  /** From the query; what isn't there isn't set. */
  readonly parameters: Readonly<Partial<Record<Parameter, number>>>;
}

const PARAMETERS = ['heartbeat', 'frameMax', 'channelMax', 'maxFrameSize'] as const;
type Parameter = (typeof PARAMETERS)[number];

const DEFAULT_PORT = 5672;
const DEFAULT_SECURE_PORT = 5671;

/**
 * Reads `amqp://user:password@host:port/vhost` or `amqps://…`. The user, password and virtual host are
 * percent-decoded; without a path the virtual host is `/`. `null` if it can't be read.
 */
export function parseBrokerAddress(url: string): BrokerAddress | null {
  try {
    const parts = new URL(url);
    const secure = parts.protocol === 'amqps:';
    if ((!secure && parts.protocol !== 'amqp:') || parts.hostname === '') return null;
    return {
      secure,
      host: parts.hostname.replace(/^\[|\]$/g, ''),
      port: parts.port === '' ? (secure ? DEFAULT_SECURE_PORT : DEFAULT_PORT) : Number(parts.port),
      login:
        parts.username === '' && parts.password === ''
          ? null
          : { user: decodeURIComponent(parts.username), password: decodeURIComponent(parts.password) },
      vhost: parts.pathname.length <= 1 ? '/' : decodeURIComponent(parts.pathname.slice(1)),
      parameters: readParameters(parts.searchParams),
    };
  } catch {
    return null;
  }
}

function readParameters(query: URLSearchParams): BrokerAddress['parameters'] {
  const parameters: Partial<Record<Parameter, number>> = {};
  for (const name of PARAMETERS) {
    const text = query.get(name);
    if (text !== null && /^\d+$/.test(text)) parameters[name] = Number(text);
  }
  return parameters;
}

/** For logs: everything but the password. */
export function describeBroker(address: BrokerAddress): string {
  const user = address.login === null ? '' : `${address.login.user}@`;
  const host = address.host.includes(':') ? `[${address.host}]` : address.host;
  const vhost = address.vhost === '/' ? '' : `/${address.vhost}`;
  return `${address.secure ? 'amqps' : 'amqp'}://${user}${host}:${address.port}${vhost}`;
}
