import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { orElse, path } from '../formats.js';
import type { Given, Slice } from '../setting.js';

/** Part of the group `feed`. */
export const tlsSettings = {
  caFile: {
    env: 'AMQP_CA_FILE',
    doc: "PEM file of the authorities that may have signed the broker's certificate, for amqps:// with a private one. Without it the system's are trusted.",
    default: null,
    format: orElse(path, null),
  },
  certFile: {
    env: 'AMQP_CERT_FILE',
    doc: 'PEM file of the client certificate (and its chain), for brokers that ask for one. Needs AMQP_KEY_FILE.',
    default: null,
    format: orElse(path, null),
  },
  keyFile: {
    env: 'AMQP_KEY_FILE',
    doc: 'PEM file of the private key of that certificate, without a passphrase.',
    default: null,
    format: orElse(path, null),
  },
} satisfies Slice;

/** PEM texts for `amqps://`; `null`: the system's own certificate authorities, no client certificate. */
export interface FeedTls {
  readonly ca: string | null;
  readonly cert: string | null;
  readonly key: string | null;
}

/**
 * Reads the files and checks that they are what they should be: a wrong one shows itself else only as a broker
 * that hangs up, retried until the deadline. `null`: no files; `undefined`: a fault, reported.
 */
export function readTlsFiles(given: Given): FeedTls | null | undefined {
  const ca = given.readFile(tlsSettings.caFile);
  const cert = given.readFile(tlsSettings.certFile);
  const key = given.readFile(tlsSettings.keyFile);
  if (ca === undefined || cert === undefined || key === undefined) return undefined;
  if (ca === null && cert === null && key === null) return null;

  const faults: string[] = [];
  if (ca !== null && readCertificate(ca) === null) {
    faults.push('AMQP_CA_FILE: the file holds no readable PEM certificate ("-----BEGIN CERTIFICATE-----")');
  }
  if (cert !== null && key === null)
    faults.push('AMQP_KEY_FILE: must be set with AMQP_CERT_FILE: its private key');
  if (cert === null && key !== null)
    faults.push('AMQP_CERT_FILE: must be set with AMQP_KEY_FILE: its certificate');

  const certificate = cert === null ? null : readCertificate(cert);
  if (cert !== null && certificate === null) {
    faults.push('AMQP_CERT_FILE: the file holds no readable PEM certificate ("-----BEGIN CERTIFICATE-----")');
  }
  const privateKey = key === null ? null : readPrivateKey(key);
  if (key !== null && privateKey === null) {
    faults.push('AMQP_KEY_FILE: the file holds no readable PEM private key without a passphrase');
  }
  if (certificate !== null && privateKey !== null && !certificate.checkPrivateKey(privateKey)) {
    faults.push(
      'AMQP_KEY_FILE: the private key belongs to another certificate than the one in AMQP_CERT_FILE',
    );
  }
  for (const line of faults) given.fault(line);
  return faults.length > 0 ? undefined : { ca, cert, key };
}

/** The first certificate of a PEM file, which in a chain is the one that matters here. */
function readCertificate(pem: string): X509Certificate | null {
  try {
    return new X509Certificate(pem);
  } catch {
    return null;
  }
}

function readPrivateKey(pem: string): KeyObject | null {
  try {
    return createPrivateKey(pem);
  } catch {
    return null;
  }
}
