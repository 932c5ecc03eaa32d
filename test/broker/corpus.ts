import type { Delivery } from '../../src/broker/delivery.js';
import type { RejectionReason } from '../../src/broker/rejections.js';
import type { Audience } from '../../src/log/event.js';

/**
 * Messages as publishers send them, by mistake or on purpose, and exactly what each comes to. To add one, add a row.
 * Decoded with the limits below; `NEW_ID` is what the server assigns.
 */
export interface Row {
  readonly name: string;
  /** Text (sent as UTF-8) or bytes. */
  readonly body: string | Uint8Array;
  readonly properties?: Partial<Omit<Delivery, 'content'>>;
  readonly becomes: RejectionReason | ExpectedEvent;
}

export interface ExpectedEvent {
  /** `NEW_ID` if left out. */
  readonly id?: string;
  /** `null` if left out. */
  readonly type?: string;
  readonly audience: Audience;
  readonly data: string;
  /** Seconds after `NOW`; never, if left out. */
  readonly expiresAfter?: number;
}

/** Wall clock at receipt, ms. */
export const NOW = 1_800_000_000_000;
export const MAX_EVENT_BYTES = 1_000;
export const MAX_RECIPIENTS = 5;
export const NEW_ID = '01JNEW';

const NOW_S = NOW / 1000;
const all: Audience = { kind: 'all' };
const acme: Audience = { kind: 'tenant', tenant: 'acme' };

function some(users: readonly string[], topics: readonly string[], tenant = 'acme'): Audience {
  return { kind: 'some', tenant, users, topics };
}

function hex(digits: string): Uint8Array {
  return Buffer.from(digits, 'hex');
}

function nested(levels: number): string {
  return '['.repeat(levels) + ']'.repeat(levels);
}

/** A valid message for everybody, with more fields in front. */
function toAll(fields: string): string {
  return `{${fields}${fields === '' ? '' : ','}"send_to_all":true,"data":1}`;
}

/** A message whose audience is these fields. */
function audience(fields: string): string {
  return `{${fields}${fields === '' ? '' : ','}"data":1}`;
}

const bytes: readonly Row[] = [
  { name: 'an empty body', body: '', becomes: 'not_json' },
  { name: 'white space only', body: ' \r\n\t', becomes: 'not_json' },
  { name: 'plain text', body: 'hello', becomes: 'not_json' },
  { name: 'XML', body: '<event/>', becomes: 'not_json' },
  { name: 'a NUL byte', body: hex('00'), becomes: 'not_json' },
  { name: 'a serialized Java object', body: hex('aced000570'), becomes: 'not_utf8' },
  { name: 'gzip without saying so', body: hex('1f8b0800'), becomes: 'not_utf8' },
  { name: 'UTF-8 with a byte order mark', body: `\uFEFF${toAll('')}`, becomes: 'bom' },
  { name: 'UTF-16 with a byte order mark', body: hex('fffe7b007d00'), becomes: 'not_utf8' },
  { name: 'UTF-16 without one', body: hex('7b007d00'), becomes: 'not_json' },
  {
    name: 'Latin-1 in a string',
    body: Buffer.from('{"send_to_all":true,"data":"\u00e9"}', 'latin1'),
    becomes: 'not_utf8',
  },
  { name: 'a surrogate written as UTF-8', body: hex('22eda08022'), becomes: 'not_utf8' },
  { name: 'an overlong slash', body: hex('22c0af22'), becomes: 'not_utf8' },
  { name: 'one byte too many', body: `"${'x'.repeat(MAX_EVENT_BYTES - 1)}"`, becomes: 'too_big' },
  { name: 'too big and no JSON either', body: '['.repeat(MAX_EVENT_BYTES + 1), becomes: 'too_big' },
  {
    name: 'as big as allowed',
    body: toAll('').padEnd(MAX_EVENT_BYTES),
    becomes: { audience: all, data: '1' },
  },
  {
    name: 'content_encoding gzip',
    body: toAll(''),
    properties: { contentEncoding: 'gzip' },
    becomes: 'content_encoding',
  },
  {
    name: 'content_encoding binary, as Kombu says of bytes',
    body: toAll(''),
    properties: { contentEncoding: 'binary' },
    becomes: 'content_encoding',
  },
  {
    name: 'content_encoding UTF-8, as Spring says of JSON',
    body: toAll(''),
    properties: { contentEncoding: 'UTF-8' },
    becomes: { audience: all, data: '1' },
  },
  {
    name: 'content_encoding identity',
    body: toAll(''),
    properties: { contentEncoding: 'identity' },
    becomes: { audience: all, data: '1' },
  },
  {
    name: 'an empty content_encoding',
    body: toAll(''),
    properties: { contentEncoding: '' },
    becomes: { audience: all, data: '1' },
  },
];

const shape: readonly Row[] = [
  { name: 'a list', body: '[]', becomes: 'not_an_object' },
  { name: 'null', body: 'null', becomes: 'not_an_object' },
  { name: 'a string of JSON', body: '"{\\"send_to_all\\":true}"', becomes: 'not_an_object' },
  { name: 'a number', body: '-1.5e3', becomes: 'not_an_object' },
  { name: 'an empty object', body: '{}', becomes: 'no_data' },
  { name: 'cut off in the middle', body: toAll('').slice(0, -1), becomes: 'not_json' },
  { name: 'cut off in a key', body: '{"da', becomes: 'not_json' },
  { name: 'cut off behind a backslash', body: '{"data":"\\', becomes: 'not_json' },
  { name: 'a comma at the end', body: '{"send_to_all":true,"data":1,}', becomes: 'not_json' },
  { name: 'two objects', body: toAll('') + toAll(''), becomes: 'not_json' },
  { name: 'two objects on two lines', body: `${toAll('')}\n${toAll('')}`, becomes: 'not_json' },
  { name: 'single quotes', body: "{'send_to_all':true,'data':1}", becomes: 'not_json' },
  { name: 'a comment', body: '{/* all */"send_to_all":true,"data":1}', becomes: 'not_json' },
  { name: 'NaN', body: '{"send_to_all":true,"data":NaN}', becomes: 'not_json' },
  { name: 'a bare line break in a string', body: '{"send_to_all":true,"data":"\n"}', becomes: 'not_json' },
  { name: 'brackets that don’t match', body: '{"send_to_all":true,"data":[}', becomes: 'not_json' },
  { name: 'no data', body: '{"send_to_all":true}', becomes: 'no_data' },
  { name: 'data twice', body: toAll('"data":2'), becomes: 'duplicate_field' },
  { name: 'data twice, once escaped', body: toAll('"d\\u0061ta":2'), becomes: 'duplicate_field' },
  { name: 'the audience twice', body: toAll('"send_to_all":false'), becomes: 'duplicate_field' },
  { name: '__proto__ twice', body: toAll('"__proto__":1,"__proto__":2'), becomes: 'duplicate_field' },
  { name: 'a misspelt user_ids', body: toAll('"user_ids":["7"]'), becomes: 'unknown_field' },
  { name: 'a field in capitals', body: toAll('"Tenant":"acme"'), becomes: 'unknown_field' },
  { name: 'an empty key', body: toAll('"":1'), becomes: 'unknown_field' },
  { name: 'a key like an array index', body: toAll('"0":1'), becomes: 'unknown_field' },
  { name: '__proto__', body: '{"__proto__":{"send_to_all":true},"data":1}', becomes: 'unknown_field' },
  { name: 'constructor', body: toAll('"constructor":{"prototype":{}}'), becomes: 'unknown_field' },
  { name: 'data 65 levels deep', body: `{"send_to_all":true,"data":${nested(65)}}`, becomes: 'too_deep' },
  { name: 'meta 65 levels deep', body: toAll(`"meta":${nested(65)}`), becomes: 'too_deep' },
  { name: 'a list 65 levels deep', body: nested(65), becomes: 'too_deep' },
  { name: 'nothing but opening brackets', body: '['.repeat(MAX_EVENT_BYTES), becomes: 'too_deep' },
  { name: 'objects without an end', body: '{"data":'.repeat(100), becomes: 'too_deep' },
  {
    name: 'data 64 levels deep',
    body: `{"send_to_all":true,"data":${nested(64)}}`,
    becomes: { audience: all, data: nested(64) },
  },
  {
    name: 'brackets in a string are no depth',
    body: `{"send_to_all":true,"data":"${'[{'.repeat(100)}"}`,
    becomes: { audience: all, data: `"${'[{'.repeat(100)}"` },
  },
  {
    name: 'an escaped key',
    body: '{"send_to_all":true,"d\\u0061ta":[1]}',
    becomes: { audience: all, data: '[1]' },
  },
  {
    name: 'meta of any kind',
    body: toAll('"meta":{"data":2,"user_ids":[]}'),
    becomes: { audience: all, data: '1' },
  },
  { name: 'meta null', body: toAll('"meta":null'), becomes: { audience: all, data: '1' } },
];

const data: readonly Row[] = [
  '12345678901234567890',
  '1.0',
  '1e400',
  '-0',
  '"\\ud800"',
  '"\\u0000\\/\\u00e9é"',
  '"\u2028"',
  '{"b":1,"a":2,"10":3,"9":4}',
  '{"a":1,"a":2}',
  '{"__proto__":{"x":1}}',
  '[ 1 ,\n\t2 ]',
  '"a\\\\\\"b"',
  'null',
  'false',
  '""',
].map(text => ({
  name: `data ${JSON.stringify(text)}`,
  body: `{ "data" : ${text} , "send_to_all" : true }\n`,
  becomes: { audience: all, data: text },
}));

const attributes: readonly Row[] = [
  { name: 'an id', body: toAll('"id":"a-1"'), becomes: { id: 'a-1', audience: all, data: '1' } },
  { name: 'an integer id', body: toAll('"id":42'), becomes: { id: '42', audience: all, data: '1' } },
  {
    name: 'the largest integer id',
    body: toAll('"id":9007199254740991'),
    becomes: { id: '9007199254740991', audience: all, data: '1' },
  },
  {
    name: 'an integer id whose digits are lost',
    body: toAll('"id":9007199254740993'),
    becomes: 'invalid_id',
  },
  { name: 'a negative id', body: toAll('"id":-1'), becomes: 'invalid_id' },
  { name: 'an id with a fraction', body: toAll('"id":1.5'), becomes: 'invalid_id' },
  { name: 'an empty id', body: toAll('"id":""'), becomes: 'invalid_id' },
  { name: 'id null', body: toAll('"id":null'), properties: { messageId: 'm' }, becomes: 'invalid_id' },
  { name: 'an id with a space', body: toAll('"id":"a b"'), becomes: 'invalid_id' },
  { name: 'an id with a tilde', body: toAll('"id":"~"'), becomes: 'invalid_id' },
  { name: 'an id with a line break', body: toAll('"id":"a\\n"'), becomes: 'invalid_id' },
  { name: 'an id of 129 characters', body: toAll(`"id":"${'i'.repeat(129)}"`), becomes: 'invalid_id' },
  {
    name: 'an id of 128 characters',
    body: toAll(`"id":"${'i'.repeat(128)}"`),
    becomes: { id: 'i'.repeat(128), audience: all, data: '1' },
  },
  {
    name: 'message_id for an id',
    body: toAll(''),
    properties: { messageId: 'm-1' },
    becomes: { id: 'm-1', audience: all, data: '1' },
  },
  {
    name: 'an id before a different message_id',
    body: toAll('"id":"a-1"'),
    properties: { messageId: 'not an id' },
    becomes: { id: 'a-1', audience: all, data: '1' },
  },
  { name: 'a bad message_id', body: toAll(''), properties: { messageId: 'a b' }, becomes: 'invalid_id' },
  { name: 'an empty message_id', body: toAll(''), properties: { messageId: '' }, becomes: 'invalid_id' },
  {
    name: 'a type',
    body: toAll('"type":"deal updated é"'),
    properties: { type: 'App\\Event' },
    becomes: { type: 'deal updated é', audience: all, data: '1' },
  },
  {
    name: 'the property type',
    body: toAll(''),
    properties: { type: 'deal.updated' },
    becomes: { type: 'deal.updated', audience: all, data: '1' },
  },
  {
    name: 'a type of 255 bytes',
    body: toAll(`"type":"${'é'.repeat(127)}x"`),
    becomes: { type: `${'é'.repeat(127)}x`, audience: all, data: '1' },
  },
  { name: 'a type of 256 bytes', body: toAll(`"type":"${'é'.repeat(128)}"`), becomes: 'invalid_type' },
  { name: 'an empty type', body: toAll('"type":""'), becomes: 'invalid_type' },
  { name: 'a type that is no string', body: toAll('"type":1'), becomes: 'invalid_type' },
  { name: 'a type with a line break', body: toAll('"type":"a\\nid: 1"'), becomes: 'invalid_type' },
  { name: 'a type with half a character', body: toAll('"type":"\\ud83d"'), becomes: 'invalid_type' },
  { name: 'a bad property type', body: toAll(''), properties: { type: '\u0007' }, becomes: 'invalid_type' },
  { name: 'a ttl', body: toAll('"ttl":60'), becomes: { audience: all, data: '1', expiresAfter: 60 } },
  {
    name: 'a ttl with a fraction',
    body: toAll('"ttl":0.25'),
    becomes: { audience: all, data: '1', expiresAfter: 0.25 },
  },
  {
    name: 'the longest ttl',
    body: toAll('"ttl":315360000'),
    becomes: { audience: all, data: '1', expiresAfter: 315_360_000 },
  },
  { name: 'a longer ttl', body: toAll('"ttl":315360001'), becomes: 'invalid_ttl' },
  { name: 'a ttl without end', body: toAll('"ttl":1e400'), becomes: 'invalid_ttl' },
  { name: 'ttl 0', body: toAll('"ttl":0'), becomes: 'invalid_ttl' },
  { name: 'a negative ttl', body: toAll('"ttl":-1'), becomes: 'invalid_ttl' },
  { name: 'ttl as a string', body: toAll('"ttl":"60"'), becomes: 'invalid_ttl' },
  { name: 'ttl null', body: toAll('"ttl":null'), becomes: 'invalid_ttl' },
  {
    name: 'a ttl counted from the timestamp, to the end of its second',
    body: toAll('"ttl":60'),
    properties: { timestamp: NOW_S - 100 },
    becomes: { audience: all, data: '1', expiresAfter: -39.001 },
  },
  {
    name: 'a ttl whose timestamp is this second’s',
    body: toAll('"ttl":0.5'),
    properties: { timestamp: NOW_S },
    becomes: { audience: all, data: '1', expiresAfter: 0.5 },
  },
  {
    name: 'a timestamp in milliseconds',
    body: toAll('"ttl":60'),
    properties: { timestamp: NOW - 100_000 },
    becomes: { audience: all, data: '1', expiresAfter: -40 },
  },
  {
    name: 'a timestamp in the future',
    body: toAll('"ttl":60'),
    properties: { timestamp: NOW_S + 86_400 },
    becomes: { audience: all, data: '1', expiresAfter: 60 },
  },
  {
    name: 'a timestamp in nanoseconds',
    body: toAll('"ttl":60'),
    properties: { timestamp: NOW * 1e6 },
    becomes: { audience: all, data: '1', expiresAfter: 60 },
  },
  {
    name: 'timestamp 0',
    body: toAll('"ttl":60'),
    properties: { timestamp: 0 },
    becomes: { audience: all, data: '1', expiresAfter: 60 },
  },
  {
    name: 'an old timestamp without a ttl',
    body: toAll(''),
    properties: { timestamp: 1 },
    becomes: { audience: all, data: '1' },
  },
];

const audiences: readonly Row[] = [
  { name: 'everybody', body: audience('"send_to_all":true'), becomes: { audience: all, data: '1' } },
  {
    name: 'all of a tenant',
    body: audience('"tenant":"acme","send_to_tenant":true'),
    becomes: { audience: acme, data: '1' },
  },
  {
    name: 'users and topics, singular and plural, some twice',
    body: audience('"tenant":"acme","users":["7","8","7"],"user":8,"topic":"a.b"'),
    becomes: { audience: some(['8', '7'], ['a.b']), data: '1' },
  },
  {
    name: 'numbers for users and tenant',
    body: audience('"tenant":1,"users":[7,-3]'),
    becomes: { audience: some(['7', '-3'], [], '1'), data: '1' },
  },
  {
    name: 'false flags',
    body: audience('"tenant":"acme","topics":["t"],"send_to_all":false,"send_to_tenant":false'),
    becomes: { audience: some([], ['t']), data: '1' },
  },
  {
    name: 'names that are odd but allowed',
    body: audience('"tenant":"__proto__","users":["*","a.b","é","all"]'),
    becomes: { audience: some(['*', 'a.b', 'é', 'all'], [], '__proto__'), data: '1' },
  },
  {
    name: 'as many recipients as allowed',
    body: audience('"tenant":"acme","users":["1","2","3"],"topics":["a","b"]'),
    becomes: { audience: some(['1', '2', '3'], ['a', 'b']), data: '1' },
  },
  { name: 'no audience', body: audience(''), becomes: 'no_audience' },
  { name: 'a tenant alone', body: audience('"tenant":"acme"'), becomes: 'no_audience' },
  { name: 'flags that say no', body: audience('"send_to_all":false'), becomes: 'no_audience' },
  { name: 'a user without a tenant', body: audience('"user":"7"'), becomes: 'no_tenant' },
  { name: 'topics without a tenant', body: audience('"topics":["t"]'), becomes: 'no_tenant' },
  { name: 'send_to_tenant without one', body: audience('"send_to_tenant":true'), becomes: 'no_tenant' },
  {
    name: 'everybody and a tenant',
    body: audience('"send_to_all":true,"tenant":"acme"'),
    becomes: 'contradicting_audience',
  },
  {
    name: 'everybody and a user',
    body: audience('"send_to_all":true,"user":"7"'),
    becomes: 'contradicting_audience',
  },
  {
    name: 'everybody and send_to_tenant',
    body: audience('"send_to_all":true,"send_to_tenant":true'),
    becomes: 'contradicting_audience',
  },
  {
    name: 'all of a tenant and one of its topics',
    body: audience('"tenant":"acme","send_to_tenant":true,"topic":"t"'),
    becomes: 'contradicting_audience',
  },
  { name: 'send_to_all as a string', body: audience('"send_to_all":"true"'), becomes: 'invalid_flag' },
  { name: 'send_to_all as 1', body: audience('"send_to_all":1'), becomes: 'invalid_flag' },
  {
    name: 'send_to_tenant null',
    body: audience('"tenant":"acme","user":"7","send_to_tenant":null'),
    becomes: 'invalid_flag',
  },
  { name: 'no users', body: audience('"tenant":"acme","users":[],"topics":["t"]'), becomes: 'invalid_users' },
  {
    name: 'users null',
    body: audience('"tenant":"acme","users":null,"topics":["t"]'),
    becomes: 'invalid_users',
  },
  { name: 'users as a string', body: audience('"tenant":"acme","users":"7"'), becomes: 'invalid_users' },
  {
    name: 'users as a table',
    body: audience('"tenant":"acme","users":{"length":1}'),
    becomes: 'invalid_users',
  },
  { name: 'user as a list', body: audience('"tenant":"acme","user":["7"]'), becomes: 'invalid_users' },
  {
    name: 'a user null among others',
    body: audience('"tenant":"acme","users":["7",null]'),
    becomes: 'invalid_users',
  },
  { name: 'an empty user', body: audience('"tenant":"acme","user":""'), becomes: 'invalid_users' },
  { name: 'a user with a space', body: audience('"tenant":"acme","user":"a b"'), becomes: 'invalid_users' },
  {
    name: 'a user with half a character',
    body: audience('"tenant":"acme","user":"\\ud800"'),
    becomes: 'invalid_users',
  },
  { name: 'a user of 1.5', body: audience('"tenant":"acme","user":1.5'), becomes: 'invalid_users' },
  {
    name: 'a user whose digits are lost',
    body: audience('"tenant":"acme","user":9007199254740993'),
    becomes: 'invalid_users',
  },
  { name: 'a user of true', body: audience('"tenant":"acme","user":true'), becomes: 'invalid_users' },
  {
    name: 'no topics',
    body: audience('"tenant":"acme","users":["7"],"topics":[]'),
    becomes: 'invalid_topics',
  },
  {
    name: 'a wildcard for a topic',
    body: audience('"tenant":"acme","topics":["deals.*"]'),
    becomes: 'invalid_topics',
  },
  { name: 'a hash for a topic', body: audience('"tenant":"acme","topic":"#"'), becomes: 'invalid_topics' },
  { name: 'a number for a topic', body: audience('"tenant":"acme","topic":42'), becomes: 'invalid_topics' },
  {
    name: 'a topic of 11 segments',
    body: audience('"tenant":"acme","topic":"1.2.3.4.5.6.7.8.9.10.11"'),
    becomes: 'invalid_topics',
  },
  { name: 'tenant null', body: audience('"tenant":null,"user":"7"'), becomes: 'invalid_tenant' },
  {
    name: 'tenant null and everybody',
    body: audience('"tenant":null,"send_to_all":true'),
    becomes: 'invalid_tenant',
  },
  { name: 'an empty tenant', body: audience('"tenant":"","user":"7"'), becomes: 'invalid_tenant' },
  {
    name: 'a tenant with a NUL',
    body: audience('"tenant":"acme\\u0000","user":"7"'),
    becomes: 'invalid_tenant',
  },
  {
    name: 'a tenant of 256 bytes',
    body: audience(`"tenant":"${'é'.repeat(128)}","user":"7"`),
    becomes: 'invalid_tenant',
  },
  { name: 'tenants in a list', body: audience('"tenant":["acme"],"user":"7"'), becomes: 'invalid_tenant' },
  {
    name: 'too many recipients, in two lists',
    body: audience('"tenant":"acme","users":["1","2","3"],"topics":["a","b","b"]'),
    becomes: 'too_many_recipients',
  },
  {
    name: 'too many recipients with the singular user',
    body: audience('"tenant":"acme","user":"1","users":["2","3","4","5","6"]'),
    becomes: 'too_many_recipients',
  },
  {
    name: 'too many recipients with the singular topic',
    body: audience('"tenant":"acme","topic":"1","topics":["2","3","4","5","6"]'),
    becomes: 'too_many_recipients',
  },
];

function inHeaders(name: string, headers: Readonly<Record<string, unknown>>, becomes: Row['becomes']): Row {
  return { name: `headers: ${name}`, body: '{"data":2}', properties: { headers }, becomes };
}

const d2 = '{"data":2}';

const headers: readonly Row[] = [
  inHeaders('a user', { to: 'user:7', tenant: 'acme' }, { audience: some(['7'], []), data: d2 }),
  inHeaders(
    'users and topics',
    { to: '  topic:a.b  user:7 user:x:y user:7 ', tenant: 'acme' },
    { audience: some(['7', 'x:y'], ['a.b']), data: d2 },
  ),
  inHeaders('a tenant', { to: 'tenant', tenant: 'acme' }, { audience: acme, data: d2 }),
  inHeaders('a numeric tenant', { to: 'user:7', tenant: 7 }, { audience: some(['7'], [], '7'), data: d2 }),
  inHeaders('everybody', { to: 'all' }, { audience: all, data: d2 }),
  inHeaders(
    'others beside',
    { to: 'all', traceparent: '00-1-1-00', user_ids: '7', send_to_all: false },
    { audience: all, data: d2 },
  ),
  inHeaders(
    'a list for a tenant is as if absent',
    { to: 'all', tenant: ['acme'] },
    { audience: all, data: d2 },
  ),
  inHeaders(
    'a table for a ttl is as if absent',
    { to: 'all', ttl: { places: 1, digits: 305 } },
    { audience: all, data: d2 },
  ),
  inHeaders('a list for a ttl is as if absent', { to: 'all', ttl: [30] }, { audience: all, data: d2 }),
  inHeaders(
    'a ttl as an AMQP decimal',
    { to: 'all', ttl: { '!': 'decimal', value: { places: 1, digits: 305 } } },
    { audience: all, data: d2, expiresAfter: 30.5 },
  ),
  inHeaders(
    'a ttl as a decimal of 0',
    { to: 'all', ttl: { '!': 'decimal', value: { places: 0, digits: 0 } } },
    'invalid_ttl',
  ),
  inHeaders('a ttl as an AMQP timestamp', { to: 'all', ttl: { '!': 'timestamp', value: 30 } }, 'invalid_ttl'),
  inHeaders('a ttl as bytes', { to: 'all', ttl: Buffer.from('30') }, 'invalid_ttl'),
  inHeaders('a tenant as bytes', { to: 'tenant', tenant: Buffer.from('acme') }, 'invalid_tenant'),
  inHeaders('a ttl', { to: 'all', ttl: 1.5 }, { audience: all, data: d2, expiresAfter: 1.5 }),
  inHeaders('a ttl as a string', { to: 'all', ttl: '30.5' }, { audience: all, data: d2, expiresAfter: 30.5 }),
  inHeaders('a ttl in words', { to: 'all', ttl: '30s' }, 'invalid_ttl'),
  inHeaders('a ttl in hex', { to: 'all', ttl: '0x1e' }, 'invalid_ttl'),
  inHeaders('an empty ttl', { to: 'all', ttl: '' }, 'invalid_ttl'),
  inHeaders('ttl null', { to: 'all', ttl: null }, 'invalid_ttl'),
  inHeaders('ttl true', { to: 'all', ttl: true }, 'invalid_ttl'),
  inHeaders('an empty to', { to: '', tenant: 'acme' }, 'no_audience'),
  inHeaders('a blank to', { to: '   ' }, 'no_audience'),
  inHeaders('an unknown word', { to: 'users:7', tenant: 'acme' }, 'invalid_to'),
  inHeaders(
    'a comma between words',
    { to: 'user:7,topic:t', tenant: 'acme' },
    { audience: some(['7,topic:t'], []), data: d2 },
  ),
  inHeaders('a word in capitals', { to: 'ALL' }, 'invalid_to'),
  inHeaders('a bare id', { to: '7', tenant: 'acme' }, 'invalid_to'),
  inHeaders('an empty user', { to: 'user:', tenant: 'acme' }, 'invalid_users'),
  inHeaders('a tab between words', { to: 'user:7\tuser:8', tenant: 'acme' }, 'invalid_users'),
  inHeaders('broken UTF-8 in a user', { to: 'user:\uFFFD', tenant: 'acme' }, 'invalid_users'),
  inHeaders('a wildcard', { to: 'topic:deals.#', tenant: 'acme' }, 'invalid_topics'),
  inHeaders('an empty topic', { to: 'topic:', tenant: 'acme' }, 'invalid_topics'),
  inHeaders('everybody and a tenant', { to: 'all', tenant: 'acme' }, 'contradicting_audience'),
  inHeaders('everybody and a user', { to: 'all user:7' }, 'contradicting_audience'),
  inHeaders('a tenant and a user', { to: 'tenant user:7', tenant: 'acme' }, 'contradicting_audience'),
  inHeaders('a user without a tenant', { to: 'user:7' }, 'no_tenant'),
  inHeaders('a tenant without its name', { to: 'tenant' }, 'no_tenant'),
  inHeaders('tenant null', { to: 'all', tenant: null }, 'invalid_tenant'),
  inHeaders('tenant true', { to: 'tenant', tenant: true }, 'invalid_tenant'),
  inHeaders('broken UTF-8 in a tenant', { to: 'tenant', tenant: 'ac\uFFFDme' }, 'invalid_tenant'),
  inHeaders(
    'too many recipients',
    { to: 'user:1 user:2 user:3 topic:a topic:b topic:b', tenant: 'acme' },
    'too_many_recipients',
  ),
  inHeaders(
    'as many recipients as allowed',
    { to: 'user:1 user:2 user:3 topic:a topic:b', tenant: 'acme' },
    { audience: some(['1', '2', '3'], ['a', 'b']), data: d2 },
  ),
  inHeaders('everybody twice', { to: 'all all' }, 'contradicting_audience'),
  inHeaders('to as a list is body form', { to: ['user:7'], tenant: 'acme' }, 'no_audience'),
  inHeaders('to as a number is body form', { to: 7, tenant: 'acme' }, 'no_audience'),
  inHeaders('headers don’t add to body form', { tenant: 'acme', user: '7', ttl: 1 }, 'no_audience'),
  {
    name: 'headers: id and type in the properties',
    body: ' [1.0]\n',
    properties: { messageId: 'm-1', type: 'ping', headers: { to: 'all' } },
    becomes: { id: 'm-1', type: 'ping', audience: all, data: '[1.0]' },
  },
  {
    name: 'headers: a body with data’s fields twice is data',
    body: '{"data":1,"data":2}',
    properties: { headers: { to: 'all' } },
    becomes: { audience: all, data: '{"data":1,"data":2}' },
  },
  { name: 'headers: an empty body', body: '', properties: { headers: { to: 'all' } }, becomes: 'not_json' },
  { name: 'headers: plain text', body: 'hello', properties: { headers: { to: 'all' } }, becomes: 'not_json' },
  { name: 'headers: two values', body: '1 2', properties: { headers: { to: 'all' } }, becomes: 'not_json' },
  {
    name: 'headers: 65 levels',
    body: nested(65),
    properties: { headers: { to: 'all' } },
    becomes: 'too_deep',
  },
  {
    name: 'headers: 64 levels',
    body: nested(64),
    properties: { headers: { to: 'all' } },
    becomes: { audience: all, data: nested(64) },
  },
  {
    name: 'headers: a bad message_id',
    body: '1',
    properties: { messageId: ' ', headers: { to: 'all' } },
    becomes: 'invalid_id',
  },
];

export const corpus: readonly Row[] = [...bytes, ...shape, ...data, ...attributes, ...audiences, ...headers];
