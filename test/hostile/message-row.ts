import { mintToken } from '../support/tokens.js';

/**
 * First messages of hostile or confused clients and what may follow them, and exactly what the server says. To add
 * one, add a row. Tokens themselves are in test/auth/corpus*.ts.
 */
export interface MessageRow {
  readonly name: string;
  /** Text or bytes, sent without waiting for answers but for `ANSWERED`; a function gets a cursor of this server. */
  readonly send: readonly (string | Buffer | typeof ANSWERED | ((cursor: string) => string))[];
  /** In the words of `lineOf`, without the hello; repeated lines once if `collapsed`. */
  readonly says: readonly string[];
  readonly collapsed?: boolean;
  /** Left out: the connection stays open. */
  readonly closes?: number;
}

/** In `send`: waits for one more message of the server. */
export const ANSWERED = Symbol('answered');

const topics = ['a.#', 'b'];
export const TOKENS = {
  good: mintToken({ tenant: 'hostile', user: '7', topics }),
  fresh: mintToken({ tenant: 'hostile', user: '7', topics: ['a.b'], claims: { jti: 'fresh' } }),
  otherUser: mintToken({ tenant: 'hostile', user: '8', topics }),
  otherTenant: mintToken({ tenant: 'acme', user: '7', topics }),
  noTenant: mintToken({ claims: { tenant: undefined, sub: '7' } }),
  expired: mintToken({ tenant: 'hostile', user: '7', expiresInSeconds: -60 }),
  forged: mintToken({ tenant: 'hostile', user: '7', secret: 'x'.repeat(40) }),
} as const;

/** A message with a good token and these members besides. */
export const good = (members = '', token: string = TOKENS.good): string =>
  `{"access_token":"${token}"${members === '' ? '' : ','}${members}}`;

export const CONNECTED = 'connected 7@hostile new';
export const connected = (more: string): string => `${CONNECTED}, ${more}`;
export const MALFORMED = { says: ['error malformed'], closes: 4400 };
export const DENIED = { says: ['error access_denied'], closes: 4401 };
export const MISSING = { says: ['error token_missing'] };
export const WELCOME = { says: [CONNECTED] };

export const row = (
  name: string,
  message: string | Buffer,
  outcome: Omit<MessageRow, 'name' | 'send'>,
): MessageRow => ({
  name,
  send: [message],
  ...outcome,
});
export const nested = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);
