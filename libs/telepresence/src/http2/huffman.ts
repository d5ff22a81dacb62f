/** Decoding of Huffman-coded strings (RFC 7541 §5.2). Only header blocks have them, so a bit at a time is fast enough. */
import { ErrorCode, Http2Error } from './frame.js';

/**
 * Length in bits of each symbol's code, as `length x count` (RFC 7541 appendix B). The code is canonical: lengths determine
 * it. The last symbol is the end of string.
 */
const LENGTHS =
  '13 23 28x7 24 30 28x2 30 28x8 30 28x9 6 10x2 12 13 6 8 11 10x2 8 11 8 6x3 5x3 6x7 7 8 15 6 12 10 13 6 7x22 8 7 8 13 19 ' +
  '13 14 6 15 5 6 5 6 5 6x3 5 7x2 6x3 5 6 7 6 5x2 6 7x5 15 11 14 13 28 20 22 20x2 22x3 23 22 23x5 24 23 24x2 22 23 24 23x4 ' +
  '21 22 23 22 23x2 24 22 21 20 22x2 23x2 21 23 22x2 24 21 22 23x2 21x2 22 21 23 22 23x2 20 22x3 23 22x2 23 26x2 20 19 22 ' +
  '23 22 25 26x3 27x2 26 24 25 19 21 26 27x2 26 27 24 21x2 26x2 28 27x3 20 24 20 21 22 21x2 23 22x2 25x2 24x2 26 23 26 27 ' +
  '26x2 27x5 28 27x5 26 30';

const MAX_BITS = 30;
const END_OF_STRING = 256;

/** Code lengths of the 257 symbols. */
export function codeLengths(): number[] {
  return LENGTHS.split(' ').flatMap((run) => {
    const [length, count = '1'] = run.split('x');
    return new Array<number>(Number(count)).fill(Number(length));
  });
}

// By length: the first code of that length, and where its symbols begin in `symbols`.
const firstCode: number[] = [];
const firstSymbol: number[] = [];
const counts: number[] = [];
const symbols: number[] = [];

let nextCode = 0;
const lengths = codeLengths();
for (let bits = 1; bits <= MAX_BITS; bits++) {
  nextCode *= 2;
  firstCode[bits] = nextCode;
  firstSymbol[bits] = symbols.length;
  lengths.forEach((length, symbol) => {
    if (length === bits) symbols.push(symbol);
  });
  counts[bits] = symbols.length - firstSymbol[bits];
  nextCode += counts[bits];
}

/** Throws Http2Error unless the padding is right. The result may be longer than `bytes` by three fifths. */
export function decodeHuffman(bytes: Buffer): Buffer {
  const decoded = Buffer.allocUnsafe(Math.ceil((bytes.length * 8) / 5));
  let at = 0;
  let code = 0;
  let bits = 0;
  for (const octet of bytes) {
    for (let shift = 7; shift >= 0; shift--) {
      code = code * 2 + ((octet >>> shift) & 1);
      bits++;
      if (bits > MAX_BITS) throw compressionError('a Huffman code has no end');
      const offset = code - firstCode[bits];
      if (offset >= counts[bits]) continue;
      const symbol = symbols[firstSymbol[bits] + offset];
      if (symbol === END_OF_STRING) throw compressionError('a Huffman string contains its end');
      decoded[at++] = symbol;
      code = 0;
      bits = 0;
    }
  }
  if (bits > 7 || code !== 2 ** bits - 1) throw compressionError('a Huffman string is padded wrongly');
  return decoded.subarray(0, at);
}

export function compressionError(message: string): Http2Error {
  return new Http2Error(ErrorCode.COMPRESSION_ERROR, message);
}
