import { host, orElse, port, textWhere } from '../formats.js';
import { type Given, isComplete, type Slice } from '../setting.js';

const SHORT_TOKEN = 16;

/** The internal listener; the group `admin` in the configuration files. */
export const adminSettings = {
  host: {
    env: 'ADMIN_HOST',
    doc: 'Address of the internal listener. Only this machine unless set; in Kubernetes 0.0.0.0, so that probes and Prometheus reach it. Never expose it to the internet.',
    default: '127.0.0.1',
    format: host,
  },
  port: {
    env: 'ADMIN_PORT',
    doc: 'Port of the internal listener (/livez, /readyz, /metrics, /stats, /events). 0 takes a free one. If a Kubernetes service is called "admin", set enableServiceLinks: false: it would overwrite this.',
    default: '9090',
    format: port,
  },
  token: {
    env: 'ADMIN_TOKEN',
    doc: 'Bearer token for everything there but /livez, /readyz and /metrics. Without it the rest answers on loopback only. `openssl rand -hex 32` makes one.',
    default: null,
    // It travels in a header, where blanks would be trimmed and anything but ASCII garbled.
    format: orElse(
      textWhere('printable ASCII without blanks, at most 1024 characters', text =>
        /^[!-~]{1,1024}$/.test(text),
      ),
      null,
    ),
    sensitive: true,
    fromFile: true,
  },
} satisfies Slice;

export interface AdminConfig {
  readonly host: string;
  readonly port: number;
  readonly token: string | null;
}

export function adminConfig(given: Given): AdminConfig | undefined {
  const parts = {
    host: given.read(adminSettings.host),
    port: given.read(adminSettings.port),
    token: given.read(adminSettings.token),
  };
  if (given.production && parts.token && parts.token.length < SHORT_TOKEN) {
    given.warn(
      `ADMIN_TOKEN has fewer than ${SHORT_TOKEN} characters and can be guessed; openssl rand -hex 32 makes a good one`,
    );
  }
  return isComplete<AdminConfig>(parts) ? parts : undefined;
}
