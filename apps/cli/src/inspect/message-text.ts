/** Messages within exchanges as text for people. */
import type { ExchangeMessage } from '@culvert/contract';
import { showBytes, showClock } from '../output/readable.js';

/** Limit of the text on the line of a message. */
const MAX_LINE_LENGTH = 120;
/** Limit of the text below it. JSON and HAR have all that was captured. */
const MAX_TEXT_LENGTH = 4096;
const MAX_HEX_BYTES = 32;

/** `14:03:27  >  text    12 B  {"price":17}  ID`, and with `isVerbose` the whole text below it. */
export function messageLines(
  message: ExchangeMessage,
  { isVerbose }: { readonly isVerbose: boolean },
): string[] {
  const { at, direction, kind, bytes, code, exchangeId } = message;
  const content = contentOf(message);
  const isLong = content.length > MAX_LINE_LENGTH || content.includes('\n');
  const parts = [
    showClock(at),
    direction === 'request' ? '>' : '<',
    kind.padEnd(6),
    showBytes(bytes).padStart(6),
    ...(code === null ? [] : [String(code)]),
    ...(isLong && isVerbose ? [] : [shorten(content.replaceAll(/\s+/g, ' ').trim())]),
    exchangeId,
  ];
  const line = parts.filter((part) => part !== '').join('  ');
  if (!isLong || !isVerbose) return [line];
  const isCut = message.isTruncated || content.length > MAX_TEXT_LENGTH;
  const lines = content.slice(0, MAX_TEXT_LENGTH).trimEnd().split(/\r?\n/);
  return [line, ...lines.map((each) => `  | ${each}`), ...(isCut ? ['  | …'] : [])];
}

function contentOf({ text, base64, isCompressed, bytes }: ExchangeMessage): string {
  if (text !== null) return text;
  if (base64 === null) return bytes > 0 && isCompressed ? '(cannot be decompressed)' : '';
  const content = Buffer.from(base64, 'base64');
  const more = content.length > MAX_HEX_BYTES ? '…' : '';
  return content.toString('hex', 0, MAX_HEX_BYTES) + more;
}

function shorten(text: string): string {
  return text.length <= MAX_LINE_LENGTH ? text : `${text.slice(0, MAX_LINE_LENGTH - 1)}…`;
}
