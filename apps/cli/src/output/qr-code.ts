import type { Output } from './output.js';

const WHITE_ON_BLACK = ['\u001b[97;40m', '\u001b[0m'] as const;

/**
 * Prints `text` as a QR code for a phone. It is drawn in white: without colors that is right on a dark background, which
 * most terminals have.
 */
export async function printQrCode(output: Output, text: string): Promise<void> {
  const { renderUnicodeCompact } = await import('uqr');
  const lines = renderUnicodeCompact(text, { border: 2, ecc: 'M' }).split('\n');
  // Codes have an odd number of rows, and the last line shows one: its other half belongs to the margin.
  lines.push((lines.pop() ?? '').replaceAll('▀', '█'));
  const [on, off] = output.hasColor ? WHITE_ON_BLACK : ['', ''];
  output.verbatim(lines.map((line) => on + line + off).join('\n'));
}
