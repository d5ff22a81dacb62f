/**
 * The static Huffman code of RFC 7541 Appendix B. It is canonical: lengths alone make the codes, shorter ones first
 * and equal ones by symbol. Decoding walks the code tree four bits at a time, by a table of states that is made once;
 * no code is shorter than five bits, so each step gives at most one symbol.
 */

/** Bits of the code of each byte; then of EOS. */
const CODE_BITS: readonly number[] = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28,
  28, 28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7,
  8, 15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19,
  13, 14, 6, 15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13,
  28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21,
  22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23,
  22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, 26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
  19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25,
  25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, 30,
];
const EOS = 256;
const MAX_CODE_BITS = 30;

const codes = new Uint32Array(EOS + 1);
const codeBits = Uint8Array.from(CODE_BITS);

// A transition: the next state in the low byte, flags, and the symbol. State 0 is the root of the tree.
const EMITS = 0x100;
/** Bits that end here are padding: a beginning of EOS shorter than a byte (§5.2). */
const ENDS = 0x200;
const FAILS = 0x400;
const SYMBOL_SHIFT = 16;
const STATES = 256;
const transitions = new Uint32Array(STATES * 16);

/** Bytes that `text`, of one byte a character, takes when it is coded. */
export function huffmanLength(text: string): number {
  let bits = 0;
  for (let i = 0; i < text.length; i++) bits += codeBits[text.charCodeAt(i) & 0xff];
  return (bits + 7) >>> 3;
}

/** Writes `text` to `target` at `at`, where there must be room. Returns the offset after it. */
export function huffmanEncode(text: string, target: Uint8Array, at: number): number {
  let position = at;
  // At most 7 bits wait, and a code has at most 30: two steps keep within 32 bits.
  let waiting = 0;
  let count = 0;
  for (let i = 0; i < text.length; i++) {
    const symbol = text.charCodeAt(i) & 0xff;
    let bits = codeBits[symbol];
    const code = codes[symbol];
    while (bits > 0) {
      const taken = Math.min(bits, 8 - count);
      bits -= taken;
      waiting = (waiting << taken) | ((code >>> bits) & ((1 << taken) - 1));
      count += taken;
      if (count === 8) {
        target[position++] = waiting;
        waiting = 0;
        count = 0;
      }
    }
  }
  if (count > 0) target[position++] = (waiting << (8 - count)) | (0xff >>> count);
  return position;
}

/**
 * Decodes `source[from..to)` into `target`, which must have room for 8/5 of it. Returns the number of bytes, or -1 when the
 * code is not valid: it contains EOS, or its padding is too long or not all ones.
 */
export function huffmanDecode(source: Uint8Array, from: number, to: number, target: Uint8Array): number {
  let transition = ENDS;
  let length = 0;
  for (let i = from; i < to; i++) {
    const byte = source[i];
    transition = transitions[((transition & 0xff) << 4) | (byte >>> 4)];
    if ((transition & EMITS) !== 0) target[length++] = transition >>> SYMBOL_SHIFT;
    // A failed decoding stays failed: state 0 is only entered with ENDS or by the flag's own row.
    if ((transition & FAILS) !== 0) return -1;
    transition = transitions[((transition & 0xff) << 4) | (byte & 0xf)];
    if ((transition & EMITS) !== 0) target[length++] = transition >>> SYMBOL_SHIFT;
    if ((transition & FAILS) !== 0) return -1;
  }
  return (transition & ENDS) !== 0 ? length : -1;
}

function assignCodes(): void {
  let code = 0;
  for (let bits = 1; bits <= MAX_CODE_BITS; bits++) {
    for (let symbol = 0; symbol <= EOS; symbol++) if (codeBits[symbol] === bits) codes[symbol] = code++;
    code *= 2;
  }
}

/** Returns the tree: two entries per node, each the next node, or a symbol as its complement. */
function buildTree(): number[] {
  const tree = [0, 0];
  for (let symbol = 0; symbol <= EOS; symbol++) {
    let node = 0;
    for (let bit = codeBits[symbol] - 1; bit >= 0; bit--) {
      const slot = 2 * node + ((codes[symbol] >>> bit) & 1);
      if (bit === 0) {
        tree[slot] = ~symbol;
      } else {
        if (tree[slot] === 0) {
          tree[slot] = tree.length / 2;
          tree.push(0, 0);
        }
        node = tree[slot];
      }
    }
  }
  return tree;
}

function buildTransitions(): void {
  const tree = buildTree();
  const padding = new Set<number>();
  for (let node = 0, depth = 0; depth < 8; depth++) {
    padding.add(node);
    node = tree[2 * node + 1];
  }
  for (let state = 0; state < tree.length / 2; state++) {
    for (let nibble = 0; nibble < 16; nibble++) {
      let node = state;
      let transition = 0;
      for (let bit = 3; bit >= 0; bit--) {
        const next = tree[2 * node + ((nibble >>> bit) & 1)];
        if (next === ~EOS) transition |= FAILS;
        else if (next < 0) transition |= EMITS | (~next << SYMBOL_SHIFT);
        node = Math.max(next, 0);
      }
      transitions[(state << 4) | nibble] = transition | node | (padding.has(node) ? ENDS : 0);
    }
  }
}

assignCodes();
buildTransitions();
