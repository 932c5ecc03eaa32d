/**
 * Every error that a client can be told: the closed list, code to text. The texts of `token_missing` and
 * `access_denied` are fixed by the contract; no text ever repeats input or says why a token was refused.
 */
export const ERRORS = {
  token_missing: 'access_token not present',
  access_denied: 'access denied',
  forbidden: 'not allowed with this identity',
  malformed: 'not a JSON object of this protocol',
  unknown_message: 'no known action in this message',
  too_big: 'message too big',
  rate_limited: 'too many messages',
  over_capacity: 'no capacity at the moment',
  auth_timeout: 'not authenticated in time',
  internal: 'internal error',
} as const;

export type ErrorCode = keyof typeof ERRORS;
