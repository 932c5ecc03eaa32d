/** Where the key comes from that tokens are checked with. */
export type KeyOptions =
  | { readonly kind: 'secret'; readonly secret: string }
  | { readonly kind: 'pem'; readonly pem: string }
  | { readonly kind: 'jwks'; readonly url: string };

/** What `openAuth` needs to know. */
export interface AuthOptions {
  readonly key: KeyOptions;
  /** Empty: all that the key can do. */
  readonly algorithms: readonly string[];
  /** `null`: any. */
  readonly issuer: string | null;
  /** `null`: any. */
  readonly audience: string | null;
  /** How far the issuer's clock and ours may differ. */
  readonly clockToleranceMs: number;
  /** Name of the claim, or a path through nested objects: `app_metadata.tenant`. A claim of exactly this name goes first. */
  readonly userClaim: string;
  readonly tenantClaim: string;
  readonly topicsClaim: string;
  /** For tokens without the tenant claim; `null`: those are refused. */
  readonly defaultTenant: string | null;
  /** Granted to tokens without the topics claim. */
  readonly defaultTopics: readonly string[];
}

/** Keys or settings that no token could ever be checked with. The message is one line, fit for the operator, and free of secrets. */
export class AuthConfigError extends Error {
  override readonly name = 'AuthConfigError';
}
