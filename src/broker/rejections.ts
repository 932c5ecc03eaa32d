/**
 * Why a broker message is not an event: a closed list with each reason's meaning, in the order of the checks (a message
 * with two faults gets the first). The reasons are metric labels and part of the publishing format: changing one is a
 * change to both.
 */
export const REJECTIONS = {
  too_big: 'The body is larger than `MAX_EVENT_BYTES`.',
  content_encoding:
    'The property `content_encoding` names an encoding (`gzip`, say); only none, `identity` and `utf-8` are read.',
  bom: 'The body begins with a byte order mark, which JSON must not have.',
  not_utf8: 'The body is not valid UTF-8.',
  too_deep: '`data`, or another field, is nested deeper than 64 levels.',
  not_json: 'The body is not valid JSON.',
  not_an_object: 'Body form: the body is JSON, but not an object.',
  duplicate_field: 'Body form: a top-level field is there twice.',
  unknown_field: 'Body form: a top-level field is not one of the format (misspelt?).',
  no_data: 'Body form: the field `data` is missing.',
  invalid_id: 'The id is not 1–128 characters `!`–`}` nor an integer from 0 to 2^53−1.',
  invalid_type: 'The type is not a string of 1–255 bytes without control characters.',
  invalid_ttl: 'The ttl is not a number of seconds above 0 and up to 315,360,000 (ten years).',
  invalid_flag: '`send_to_all` or `send_to_tenant` is neither `true` nor `false`.',
  too_many_recipients: 'More users and topics are listed than `MAX_RECIPIENTS`.',
  invalid_tenant: 'The tenant is not a name: 1–255 bytes without white space or control characters.',
  invalid_users: 'A user is not a name, or `users` is not a list of at least one.',
  invalid_topics:
    'A topic is not one an event can carry (wildcards are for subscribing), or `topics` is not a list of at least one.',
  invalid_to:
    'Header form: a word in `to` is neither `user:<id>` nor `topic:<topic>`, nor is all of it `tenant` or `all`.',
  contradicting_audience:
    'More than one kind of audience: everybody, all of a tenant, or some users and topics of a tenant.',
  no_tenant: 'Users, topics or `send_to_tenant` without a tenant.',
  no_audience: 'Nothing says who the event is for; it is never implied.',
} as const satisfies Readonly<Record<string, string>>;

/** One of the closed list. */
export type RejectionReason = keyof typeof REJECTIONS;
