import type { Output } from './output.js';

const WHITE_ON_BLACK = ['\u001b[97;40m', '\u001b[0m'] as const;

/** Prints `text` as a QR code for a phone, as part of the result. */
export async function printQrCode(output: Output, text: string): Promise<void> {
  output.verbatim(await drawQrCode(text, output.hasColor));
}

/** Prints `text` as a QR code for a phone, beside the result. */
export async function printQrCodeAsNote(output: Output, text: string): Promise<void> {
  output.verbatimNote(await drawQrCode(text, output.hasColorForNotes));
}

/** Draws in white: without colors that is right on a dark background, which most terminals have. */
async function drawQrCode(text: string, hasColor: boolean): Promise<string> {
  const { renderUnicodeCompact } = await import('uqr');
  const lines = renderUnicodeCompact(text, { border: 2, ecc: 'M' }).split('\n');
  // Codes have an odd number of rows, and the last line shows one: its other half belongs to the margin.
  lines.push((lines.pop() ?? '').replaceAll('▀', '█'));
  const [on, off] = hasColor ? WHITE_ON_BLACK : ['', ''];
  return lines.map((line) => on + line + off).join('\n');
}
