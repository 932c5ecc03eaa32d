import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';

export interface KeyPair {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

// Each pair takes the way through PEM. Node 20 can deadlock when a key that came straight from generateKeyPairSync is
// exported: the export holds the key's mutex while it allocates, the allocation collects the job that generated the
// key, and the job's destructor waits for the same mutex (1 in 50 runs of one test file).
const publicKeyEncoding = { format: 'pem', type: 'spki' } as const;
const privateKeyEncoding = { format: 'pem', type: 'pkcs8' } as const;

function read(pair: { publicKey: string; privateKey: string }): KeyPair {
  return { publicKey: createPublicKey(pair.publicKey), privateKey: createPrivateKey(pair.privateKey) };
}

export function rsaPair(bits = 2048): KeyPair {
  return read(generateKeyPairSync('rsa', { modulusLength: bits, publicKeyEncoding, privateKeyEncoding }));
}

/** Without a hash: a key without parameters. */
export function rsaPssPair(hash?: string, maskHash = hash): KeyPair {
  const parameters =
    hash === undefined || maskHash === undefined ? {} : { hashAlgorithm: hash, mgf1HashAlgorithm: maskHash };
  return read(
    generateKeyPairSync('rsa-pss', {
      modulusLength: 2048,
      ...parameters,
      publicKeyEncoding,
      privateKeyEncoding,
    }),
  );
}

export function ecPair(curve = 'P-256'): KeyPair {
  return read(generateKeyPairSync('ec', { namedCurve: curve, publicKeyEncoding, privateKeyEncoding }));
}

export function ed25519Pair(): KeyPair {
  return read(generateKeyPairSync('ed25519', { publicKeyEncoding, privateKeyEncoding }));
}

export function toPem(publicKey: KeyObject): string {
  return publicKey.export({ format: 'pem', type: 'spki' }).toString();
}
