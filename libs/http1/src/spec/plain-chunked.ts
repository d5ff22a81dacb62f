// The plain twin of the chunked scanner: RFC 9112 §7.1 as one regular expression per line.
import type { ChunkedLimits } from '../limits.js';
import type { PlainField } from './plain-lines.js';
import { plainFields, plainSection } from './plain-lines.js';

export type PlainBody =
  | { readonly kind: 'incomplete'; readonly payload: string }
  | { readonly kind: 'refused' }
  | {
      readonly kind: 'complete';
      readonly payload: string;
      readonly end: number;
      readonly trailers: PlainField[];
    };

const TOKEN = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
const QUOTED = '"(?:[\\t !#-\\[\\]-~\\x80-\\xff]|\\\\[\\t -~\\x80-\\xff])*"';
const SIZE_LINE = new RegExp(`^([0-9A-Fa-f]{1,14})((?:;${TOKEN}(?:=(?:${TOKEN}|${QUOTED}))?)*)$`);

/** Decodes the chunked body at the beginning of `text`, which has latin1 characters. */
export function plainChunked(text: string, limits: ChunkedLimits): PlainBody {
  let position = 0;
  let payload = '';
  let extensionBytes = 0;
  for (;;) {
    const rest = text.slice(position);
    const lineLength = rest.search(/\r\n|(?<!\r)\n/);
    const line = lineLength === -1 ? rest : rest.slice(0, lineLength);
    if (lineLength === -1)
      return isBeginning(line, extensionBytes, limits)
        ? { kind: 'incomplete', payload }
        : { kind: 'refused' };
    if (rest[lineLength] === '\n') return { kind: 'refused' };
    const match = SIZE_LINE.exec(line);
    if (match === null) return { kind: 'refused' };
    extensionBytes += match[2].length;
    const size = Number.parseInt(match[1], 16);
    if (extensionBytes > limits.maxExtensionBytes || size > Number.MAX_SAFE_INTEGER)
      return { kind: 'refused' };
    position += lineLength + 2;
    if (size === 0) return plainTrailers(text, position, payload, limits);
    payload += text.slice(position, position + size);
    position += size;
    const ending = text.slice(position, position + 2);
    if (!'\r\n'.startsWith(ending)) return { kind: 'refused' };
    if (ending.length < 2) return { kind: 'incomplete', payload };
    position += 2;
  }
}

/** Reports whether some more bytes can make a size line of `line`. */
function isBeginning(line: string, extensionBytes: number, limits: ChunkedLimits): boolean {
  const [sent, ...more] = line.split('\r');
  const isEnded = more.length > 0;
  if (more.length > 1 || (isEnded && more[0] !== '')) return false;
  const digits = sent.split(';')[0];
  if (extensionBytes + sent.length - digits.length > limits.maxExtensionBytes) return false;
  const isSizeKnown = isEnded || digits.length < sent.length;
  if (isSizeKnown && Number.parseInt(digits, 16) > Number.MAX_SAFE_INTEGER) return false;
  const completions = isEnded ? [''] : ['', '0', 'a', '"', 'a"'];
  return completions.some((completion) => SIZE_LINE.test(sent + completion));
}

function plainTrailers(text: string, position: number, payload: string, limits: ChunkedLimits): PlainBody {
  const rest = text.slice(position);
  if (rest.startsWith('\r\n')) return { kind: 'complete', payload, end: position + 2, trailers: [] };
  if ('\r\n'.startsWith(rest)) return { kind: 'incomplete', payload };
  if (rest.startsWith('\r')) return { kind: 'refused' };
  const section = plainSection(rest, 'trailers', {
    maxHeadBytes: limits.maxTrailerBytes,
    maxFieldCount: limits.maxTrailerCount,
    maxTargetBytes: 0,
  });
  if (section.kind === 'incomplete') return { kind: 'incomplete', payload };
  if (section.kind === 'refused') return { kind: 'refused' };
  const faults = new Set<never>();
  const trailers = plainFields(section.lines, limits.maxTrailerCount, faults);
  if (faults.size > 0) return { kind: 'refused' };
  return { kind: 'complete', payload, end: position + section.end, trailers };
}
