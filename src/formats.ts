import { isIP } from 'node:net';
import type { Format, Parsed } from './setting.js';

/*
 * Strict formats of our own. convict's would take FLAG=0 for true, `8080x` for 8080, `1e3` for 1, `5.7` for 5 and
 * an unreadable number for NaN, and would leave the blanks in `a, b`.
 */

/** Node's timers hold at most 2^31 − 1 ms; a longer one fires at once. */
export const LONGEST_MS = 2 ** 31 - 1;

const WHOLE_NUMBER = /^(?:0|-?[1-9]\d*)$/;
const BYTES = /^(0|[1-9]\d*)(KiB|MiB|GiB)?$/;
const UNITS: ReadonlyMap<string, number> = new Map([
  ['KiB', 2 ** 10],
  ['MiB', 2 ** 20],
  ['GiB', 2 ** 30],
]);

/** Plain decimal digits. No leading zeros: `010` is 8 to some. */
export function wholeNumber(min: number, max: number, allowed?: string): Format<number> {
  return {
    allowed: allowed ?? `a whole number ${range(min, max)}`,
    parse(raw) {
      const number = typeof raw === 'string' && WHOLE_NUMBER.test(raw) ? Number(raw) : raw;
      return inRange(number, min, max);
    },
  };
}

/** Milliseconds; the settings carry the unit in their names. */
export function milliseconds(min: number, max = LONGEST_MS): Format<number> {
  return wholeNumber(min, max, `milliseconds, a whole number ${range(min, max)}`);
}

/** A number of bytes, also as `64KiB`, `64MiB`, `1GiB`. Not `MB`: that is 10^6 to some and 2^20 to others. */
export function bytes(min: number, max: number = Number.MAX_SAFE_INTEGER): Format<number> {
  return {
    allowed: `bytes, a whole number ${range(min, max)} (64KiB, 64MiB, 1GiB are understood)`,
    parse(raw) {
      const parts = typeof raw === 'string' ? BYTES.exec(raw) : null;
      return inRange(parts ? Number(parts[1]) * (UNITS.get(parts[2] ?? '') ?? 1) : raw, min, max);
    },
  };
}

/** A TCP port; 0 lets the system choose. */
export const port: Format<number> = {
  allowed: 'a port from 0 to 65535',
  parse(raw) {
    const parsed = wholeNumber(0, 65535).parse(raw);
    // Kubernetes sets <SERVICE>_PORT=tcp://… for each service of the namespace, so a service "admin" sets ADMIN_PORT.
    if (parsed.kind === 'fault' && typeof raw === 'string' && /^(?:tcp|udp|sctp):\/\//.test(raw)) {
      return fault(
        'Kubernetes sets this for a service of that name; set enableServiceLinks: false in the pod',
      );
    }
    return parsed;
  },
};

export const flag: Format<boolean> = {
  allowed: 'true or false',
  parse(raw) {
    if (raw === true || raw === 'true') return value(true);
    return raw === false || raw === 'false' ? value(false) : fault();
  },
};

export function oneOf<const T extends string>(values: readonly T[]): Format<T> {
  return {
    allowed: values.length === 1 ? `${values[0]}` : `one of ${values.join(', ')}`,
    parse(raw) {
      const found = values.find(candidate => candidate === raw);
      return found === undefined ? fault() : value(found);
    },
  };
}

/** Text that passes a test. */
export function textWhere(allowed: string, test: (text: string) => boolean): Format<string> {
  return {
    allowed,
    parse: raw => (typeof raw === 'string' && test(raw) ? value(raw) : fault()),
  };
}

/** Text of one line without blanks around it. */
export const line: Format<string> = textWhere('text of one line without blanks around it', isLine);

/** The path of a file. What is in it is checked where it is read. */
export const path: Format<string> = {
  allowed: 'the path of a file',
  parse(raw) {
    if (typeof raw !== 'string' || raw === '') return fault();
    if (raw.includes('-----BEGIN ')) return fault('this is the key or certificate itself');
    return isLine(raw) && !raw.includes('\0') ? value(raw) : fault();
  },
};

/** An IP address or a host name, as a listener takes it: no port, no scheme, no brackets. */
export const host: Format<string> = textWhere('an IP address or a host name, without a port', text => {
  if (isIP(text) !== 0) return true;
  // Digits and dots only would be a mistyped address, yet look like a name.
  return /^[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/.test(text) && /[A-Za-z]/.test(text);
});

/** A secret of at least so many bytes of UTF-8. */
export function secret(minBytes: number): Format<string> {
  return {
    allowed: `at least ${minBytes} bytes`,
    parse(raw) {
      if (typeof raw !== 'string') return fault('it is no text');
      const length = Buffer.byteLength(raw);
      return length < minBytes ? fault(`it has ${length}`) : value(raw);
    },
  };
}

/** Items separated by commas, blanks around them ignored; in files an array too. */
export function listOf<T>(item: Format<T>, allowed: string, most = 1000): Format<readonly T[]> {
  return {
    allowed,
    parse(raw) {
      const parts: unknown = typeof raw === 'string' ? raw.split(',').map(part => part.trim()) : raw;
      if (!Array.isArray(parts)) return fault();
      if (parts.length === 0) return fault('the list is empty');
      if (parts.length > most) return fault(`it has ${parts.length} items, at most ${most} are allowed`);
      const values: T[] = [];
      for (const [index, part] of parts.entries()) {
        const parsed: Parsed<T> = part === '' ? fault('is empty') : item.parse(part);
        if (parsed.kind === 'fault') {
          // "it has 5" becomes "item 2 has 5".
          const problem = parsed.problem?.replace(/^it /, '') ?? `must be ${item.allowed}`;
          return fault(`item ${index + 1} ${problem}`);
        }
        values.push(parsed.value);
      }
      return value(values);
    },
  };
}

/** For a setting without a default: what holds when it isn't given. */
export function orElse<T, U>(format: Format<T>, absent: U): Format<T | U> {
  return { allowed: format.allowed, parse: raw => (raw === null ? value(absent) : format.parse(raw)) };
}

export function value<T>(value: T): Parsed<T> {
  return { kind: 'value', value };
}

export function fault(problem?: string): Parsed<never> {
  return problem === undefined ? { kind: 'fault' } : { kind: 'fault', problem };
}

function isLine(text: string): boolean {
  return text !== '' && text === text.trim() && !/\p{Cc}/u.test(text);
}

function inRange(number: unknown, min: number, max: number): Parsed<number> {
  const fits = typeof number === 'number' && Number.isSafeInteger(number) && number >= min && number <= max;
  return fits ? value(number) : fault();
}

function range(min: number, max: number): string {
  return max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`;
}
