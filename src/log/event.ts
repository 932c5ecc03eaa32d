/** An event as the log takes it: validated, its audience explicit, its data still the publisher's own bytes. */
export interface Event {
  /** 1–128 characters `!`–`}`; unique per tenant. */
  readonly id: string;
  /** The event's name for the client, if the publisher gave one. */
  readonly type: string | null;
  readonly audience: Audience;
  /** The JSON text of `data`, byte for byte as published; valid UTF-8, valid JSON. May be a view on a larger buffer: copy before keeping. */
  readonly data: Uint8Array;
  /** Wall clock, ms since 1970: from then on neither delivered nor replayed nor counted; `null`: never. */
  readonly expiresAt: number | null;
}

/**
 * Who gets an event. There is no default: a publisher's audience is always spelt out.
 * `some`: the union of those users' connections and those topics' subscribers of that tenant; at least one of
 * the two lists isn't empty, neither has duplicates.
 */
export type Audience =
  | { readonly kind: 'all' }
  | { readonly kind: 'tenant'; readonly tenant: string }
  | {
      readonly kind: 'some';
      readonly tenant: string;
      readonly users: readonly string[];
      readonly topics: readonly string[];
    };
