import { createHmac, sign } from 'node:crypto';
import { ecPair, ed25519Pair, rsaPair, toPem } from '../support/keys.js';
import { TEST_SECRET } from '../support/tokens.js';

/** Keys that tests sign with. Made once per process: RSA takes a while. */
export const rsa = rsaPair();
export const otherRsa = rsaPair();
export const ec = ecPair();
export const ec384 = ecPair('P-384');
export const ed = ed25519Pair();

export type Signer = (input: string) => Buffer;

export function hmac(secret: string, bits: 256 | 384 | 512 = 256): Signer {
  return input => createHmac(`sha${bits}`, secret).update(input).digest();
}

export const signers = {
  secret: hmac(TEST_SECRET),
  rsa: input => sign('sha256', Buffer.from(input), rsa.privateKey),
  otherRsa: input => sign('sha256', Buffer.from(input), otherRsa.privateKey),
  ec: input => sign('sha256', Buffer.from(input), { key: ec.privateKey, dsaEncoding: 'ieee-p1363' }),
  ec384: input => sign('sha384', Buffer.from(input), { key: ec384.privateKey, dsaEncoding: 'ieee-p1363' }),
  /** What `RS256 → HS256` confusion signs with. */
  publicPem: hmac(toPem(rsa.publicKey)),
  nobody: () => Buffer.alloc(0),
} satisfies Record<string, Signer>;

/** A token of any bytes, signed: no library between, since those refuse to make most of what must be refused here. */
export function forge(header: string, payload: string | Buffer, signer: Signer): string {
  const input = `${Buffer.from(header).toString('base64url')}.${Buffer.from(payload).toString('base64url')}`;
  return `${input}.${signer(input).toString('base64url')}`;
}
