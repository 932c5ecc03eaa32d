/** Who a connection speaks for, from a verified token only. */
export interface Identity {
  readonly user: string;
  readonly tenant: string;
  /** Topic patterns that the token grants; a subscription needs one that covers it. */
  readonly grants: readonly string[];
  /** Wall clock, ms since 1970. */
  readonly expiresAt: number;
}

/** Why a token was refused: for metrics and the log, never for the client. The closed list. */
export const TOKEN_FAULTS = [
  'too_long',
  'malformed',
  'algorithm',
  'critical_header',
  'unknown_key',
  'keys_unavailable',
  'signature',
  'expired',
  'not_yet_valid',
  'issuer',
  'audience',
  'no_expiry',
  'bad_expiry',
  'bad_payload',
  'bad_user',
  'bad_tenant',
  'no_tenant',
  'bad_topics',
] as const;
export type TokenFault = (typeof TOKEN_FAULTS)[number];

export type AuthOutcome =
  | { readonly kind: 'identity'; readonly identity: Identity }
  | { readonly kind: 'refused'; readonly fault: TokenFault };

/** Checks an access token. Never rejects; a failure to reach the key server is a refusal with `keys_unavailable`. */
export type Authenticate = (token: string) => Promise<AuthOutcome>;
