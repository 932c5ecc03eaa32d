import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';

/** A self-signed certificate and its key, made here: no private key lies in the repository, no openssl is needed. */
export function selfSigned(name: string): { readonly cert: string; readonly key: string } {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const ecdsaWithSha256 = der(0x30, Buffer.from('06082a8648ce3d040302', 'hex'));
  const subject = der(
    0x30,
    der(0x31, der(0x30, Buffer.from('0603550403', 'hex'), der(0x0c, Buffer.from(name)))),
  );
  const validity = der(0x30, time('200101000000Z'), time('491231235959Z'));
  const body = der(0x30, serial(publicKey), ecdsaWithSha256, subject, validity, subject, spki(publicKey));
  const signature = der(0x03, Buffer.of(0), sign('sha256', body, privateKey));
  return {
    cert: pem('CERTIFICATE', der(0x30, body, ecdsaWithSha256, signature)),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

function spki(key: KeyObject): Buffer {
  return key.export({ type: 'spki', format: 'der' });
}

/** RFC 5280 §4.1.2.2: positive, so the first bit must be 0. */
function serial(key: KeyObject): Buffer {
  return der(0x02, Buffer.of(1), createHash('sha256').update(spki(key)).digest().subarray(0, 8));
}

function time(text: string): Buffer {
  return der(0x17, Buffer.from(text));
}

/** X.690 §8.1: tag, length, content. */
function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.of(tag, ...size), content]);
}

function pem(label: string, content: Buffer): string {
  const lines = content.toString('base64').replace(/(.{64})(?=.)/g, '$1\n');
  return `-----BEGIN ${label}-----\n${lines}\n-----END ${label}-----\n`;
}
