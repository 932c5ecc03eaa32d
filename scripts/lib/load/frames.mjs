/** WebSocket frames (RFC 6455 §5.2) as a client writes and reads them, without copying what it reads. */

export const OPCODE = { continuation: 0, text: 1, close: 8, ping: 9, pong: 10 };
const FIN = 0x80;
const MASKED = 0x80;

/**
 * A frame of a client. A mask of zeros is a mask (§5.3 wants it unpredictable, for proxies; there is none here).
 *
 * @param {number} opcode
 * @param {string | Buffer} content less than 64 kB
 * @param {boolean} [last] of its message
 * @returns {Buffer}
 */
export function clientFrame(opcode, content, last = true) {
  const payload = typeof content === 'string' ? Buffer.from(content) : content;
  const header = Buffer.alloc(payload.length < 126 ? 6 : 8);
  header[0] = (last ? FIN : 0) | opcode;
  if (payload.length < 126) {
    header[1] = MASKED | payload.length;
  } else {
    header[1] = MASKED | 126;
    header.writeUInt16BE(payload.length, 2);
  }
  return Buffer.concat([header, payload]);
}

/**
 * The bytes of a WebSocket handshake.
 *
 * @param {string} key 16 bytes in base64
 */
export function handshake(key) {
  return [
    'GET /ws HTTP/1.1',
    'Host: 127.0.0.1',
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Key: ${key}`,
    'Sec-WebSocket-Version: 13',
    '\r\n',
  ].join('\r\n');
}

/**
 * Goes through the complete frames of a server.
 *
 * @param {Buffer} bytes
 * @param {(opcode: number, bytes: Buffer, start: number, end: number) => void} visit
 * @returns {Buffer} what isn't complete yet
 */
export function readFrames(bytes, visit) {
  let offset = 0;
  while (bytes.length - offset >= 2) {
    const short = (bytes[offset + 1] ?? 0) & 0x7f;
    const header = short < 126 ? 2 : short === 126 ? 4 : 10;
    if (bytes.length - offset < header) break;
    const length =
      short < 126 ? short : short === 126 ? bytes.readUInt16BE(offset + 2) : bytes.readUInt32BE(offset + 6);
    const start = offset + header;
    if (bytes.length - start < length) break;
    visit((bytes[offset] ?? 0) & 0x0f, bytes, start, start + length);
    offset = start + length;
  }
  return offset === 0 ? bytes : bytes.subarray(offset);
}
