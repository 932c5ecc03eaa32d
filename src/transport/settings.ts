import { bytes, fault, host, listOf, orElse, port, value, wholeNumber } from '../formats.js';
import { type Format, type Given, isComplete, type Slice } from '../setting.js';

/** An origin in just the spelling that browsers send: it is compared as text. */
const origin: Format<string> = {
  allowed: 'an origin like https://app.example.com',
  parse(raw) {
    if (raw === '*') return fault('is "*"; leave the setting out to allow every origin');
    if (typeof raw !== 'string' || !URL.canParse(raw)) return fault();
    if (raw.includes('*')) return fault('has a wildcard; list the origins one by one');
    const url = new URL(raw);
    if (url.protocol === 'http:' || url.protocol === 'https:') {
      if (url.origin === raw) return value(raw);
      return fault(`must be spelt as browsers send it: ${JSON.stringify(url.origin)}`);
    }
    // Hybrid apps send `capacitor://localhost` and the like, which the URL standard gives no origin.
    return /^[a-z][a-z0-9+.-]*:\/\/[a-z0-9.-]+(?::\d+)?$/.test(raw) ? value(raw) : fault();
  },
};

/** The public listener; the group `listener` in the configuration files. */
export const listenerSettings = {
  host: {
    env: 'HOST',
    doc: 'Address of the public listener. All of IPv4 unless set; `::` is all of both.',
    default: '0.0.0.0',
    format: host,
  },
  port: {
    env: 'PORT',
    doc: 'Port of the public listener (/ws and /healthz). 0 takes a free one.',
    default: '8080',
    format: port,
  },
  allowedOrigins: {
    env: 'ALLOWED_ORIGINS',
    doc: 'Origins whose pages may connect, comma separated, each exactly as browsers send it (https://app.example.com). Without it any page may try, though it still needs a token.',
    default: null,
    format: orElse(
      listOf(
        origin,
        'origins like https://app.example.com, comma separated, without path or slash at the end',
      ),
      [],
    ),
  },
  maxPayloadBytes: {
    env: 'MAX_PAYLOAD_BYTES',
    doc: 'Largest message from a client. Clients send tokens and subscriptions only; raise it if they subscribe to very many topics in one message. Tokens have a limit of their own, 8,192 characters.',
    default: '65536',
    format: bytes(128, 100 * 2 ** 20),
  },
  maxInFlightBytes: {
    env: 'MAX_IN_FLIGHT_BYTES',
    doc: 'Bytes sent to a client and not yet known to have arrived; past this it is sent nothing more. Bounds what a client that does not read takes of the kernel. Less slows down those who are far away: it is the most that one round trip can carry.',
    default: '131072',
    format: bytes(1024),
  },
  maxUnauthenticated: {
    env: 'MAX_UNAUTHENTICATED',
    doc: 'Connections that may be open without a valid token yet. Bounds what strangers can occupy; must hold the wave of reconnects after an outage.',
    default: '1000',
    format: wholeNumber(1, 1_000_000),
  },
} satisfies Slice;

export interface ListenerConfig {
  readonly host: string;
  readonly port: number;
  /** Empty: any. */
  readonly allowedOrigins: readonly string[];
  readonly maxPayloadBytes: number;
  readonly maxInFlightBytes: number;
  readonly maxUnauthenticated: number;
}

export function listenerConfig(given: Given): ListenerConfig | undefined {
  const settings = listenerSettings;
  const parts = {
    host: given.read(settings.host),
    port: given.read(settings.port),
    allowedOrigins: given.read(settings.allowedOrigins),
    maxPayloadBytes: given.read(settings.maxPayloadBytes),
    maxInFlightBytes: given.read(settings.maxInFlightBytes),
    maxUnauthenticated: given.read(settings.maxUnauthenticated),
  };
  if (given.production && parts.allowedOrigins?.length === 0) {
    given.warn(
      "ALLOWED_ORIGINS is not set: pages of any origin may connect; list your application's origins",
    );
  }
  return isComplete<ListenerConfig>(parts) ? parts : undefined;
}
