/**
 * WebSocket framing of server messages (RFC 6455 §5.2): one unfragmented, unmasked text frame per message.
 * Unmasked frames hold nothing of the connection, so one frame serves every recipient of an event.
 */

const FIN_TEXT = 0x81;
const LENGTH_16 = 126;
const LENGTH_64 = 127;

export function frameHeaderLength(payloadLength: number): 2 | 4 | 10 {
  if (payloadLength < LENGTH_16) return 2;
  return payloadLength < 2 ** 16 ? 4 : 10;
}

/** Writes the header for a payload of that many bytes and returns the offset behind it. */
export function writeFrameHeader(target: Buffer, offset: number, payloadLength: number): number {
  const headerLength = frameHeaderLength(payloadLength);
  target[offset] = FIN_TEXT;
  if (headerLength === 2) {
    target[offset + 1] = payloadLength;
  } else if (headerLength === 4) {
    target[offset + 1] = LENGTH_16;
    target.writeUInt16BE(payloadLength, offset + 2);
  } else {
    target[offset + 1] = LENGTH_64;
    target.writeUInt32BE(Math.floor(payloadLength / 2 ** 32), offset + 2);
    target.writeUInt32BE(payloadLength >>> 0, offset + 6);
  }
  return offset + headerLength;
}

/** A whole frame for a message that only one connection gets. */
export function textFrame(text: string): Buffer {
  const payloadLength = Buffer.byteLength(text);
  const frame = Buffer.allocUnsafe(frameHeaderLength(payloadLength) + payloadLength);
  frame.write(text, writeFrameHeader(frame, 0, payloadLength));
  return frame;
}
