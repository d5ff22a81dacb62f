/** The codec as docs/protocol.md §2 specifies it, without regard for speed. Tests compare the fast codec with it. */

export interface PlainFrame {
  readonly type: number;
  readonly id: number;
  readonly payload: Buffer;
}

export function plainEncode({ type, id, payload }: PlainFrame): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt8(type, 0);
  header.writeUIntBE(payload.length, 1, 3);
  header.writeUInt32BE(id, 4);
  return Buffer.concat([header, payload]);
}

/** Returns the frames in `bytes`, which must end with the end of a frame. */
export function plainDecode(bytes: Buffer): PlainFrame[] {
  const { frames, rest } = plainDecodeSome(bytes);
  if (rest.length > 0) throw new Error(`${rest.length} bytes of an unfinished frame`);
  return frames;
}

/** The whole frames in `bytes`, and what is left. */
export function plainDecodeSome(bytes: Buffer): { frames: PlainFrame[]; rest: Buffer } {
  const frames: PlainFrame[] = [];
  let rest = bytes;
  while (rest.length >= 8) {
    const end = 8 + rest.readUIntBE(1, 3);
    if (rest.length < end) break;
    frames.push({ type: rest.readUInt8(0), id: rest.readUInt32BE(4), payload: rest.subarray(8, end) });
    rest = rest.subarray(end);
  }
  return { frames, rest };
}
