// The plain twin of the line scanner: the same rules as regular expressions over the whole input.
import type { HttpSyntaxCode } from '../errors.js';
import type { HeadLimits } from '../limits.js';

export type Faults = ReadonlySet<HttpSyntaxCode>;

export type PlainSection =
  | { readonly kind: 'incomplete' }
  /** Every fault found; reporting any one of them is right. */
  | { readonly kind: 'refused'; readonly faults: Faults }
  /** `lines` are without line ends and without the final empty line; `end` is the offset after it. */
  | {
      readonly kind: 'complete';
      readonly lines: readonly string[];
      readonly end: number;
      readonly hasBareLf: boolean;
    };

/** Finds the section at the beginning of `text`, which has latin1 characters, as far as lines go. */
export function plainSection(
  text: string,
  kind: 'request' | 'response' | 'trailers',
  limits: HeadLimits,
): PlainSection {
  const skipped = kind === 'request' && text.startsWith('\r\n') ? 2 : 0;
  if (kind === 'request' && text === '\r') return { kind: 'incomplete' };
  const rest = text.slice(skipped);
  // RFC 9112 §2.2 lets a recipient accept LF alone as a line end: we do in responses.
  const isLenient = kind === 'response';
  const lineEnd = isLenient ? /\r?\n/ : /\r\n/;
  const blank = (isLenient ? /\r?\n\r?\n/ : /\r\n\r\n/).exec(rest);
  const end = blank === null ? -1 : blank.index + blank[0].length;
  const isComplete = blank !== null && end <= limits.maxHeadBytes;
  const section = isComplete ? rest.slice(0, end) : rest.slice(0, limits.maxHeadBytes);
  const hasBareLf = /(?<!\r)\n/.test(section);
  const faults = new Set<HttpSyntaxCode>();

  if (hasBareLf && !isLenient) faults.add('BARE_LF');
  if (/\r(?!\n|$)/.test(section)) faults.add('BARE_CR');
  // oxlint-disable-next-line eslint/no-control-regex
  if (/[\0-\x08\v\f\x0e-\x1f\x7f]/.test(section)) faults.add('CONTROL_CHARACTER');
  if (new RegExp(`${lineEnd.source}[ \\t]`).test(section)) faults.add('OBS_FOLD');
  if (kind === 'trailers' && /^[ \t]/.test(section)) faults.add('OBS_FOLD');
  if (!isComplete && rest.length > limits.maxHeadBytes) {
    faults.add(kind === 'trailers' ? 'TRAILERS_TOO_LARGE' : 'HEAD_TOO_LARGE');
    if (kind !== 'trailers' && !lineEnd.test(section)) faults.add('START_LINE_TOO_LONG');
  }
  if (kind !== 'trailers') {
    const maxStartLine = limits.maxTargetBytes + 42;
    const first = section.search(lineEnd);
    if (first > maxStartLine || (first === -1 && rest.length > maxStartLine + 2))
      faults.add('START_LINE_TOO_LONG');
    if ((isLenient ? /^[ \t\r\n]/ : /^[ \t\r]/).test(section)) faults.add('BAD_START_LINE');
    if (first !== -1 && !/^HTTP\/|HTTP\/...$/.test(section.slice(0, first))) faults.add('BAD_START_LINE');
  }

  if (faults.size > 0) return { kind: 'refused', faults };
  if (!isComplete) return { kind: 'incomplete' };
  const lines = section.slice(0, blank.index).split(lineEnd);
  return { kind: 'complete', lines, end: skipped + end, hasBareLf };
}

export interface PlainField {
  readonly name: string;
  readonly value: string;
}

const FIELD = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*(.*?)[ \t]*$/;

/** Parses field lines, which have passed `plainSection`, and adds their faults to `faults`. */
export function plainFields(
  lines: readonly string[],
  maxFieldCount: number,
  faults: Set<HttpSyntaxCode>,
): PlainField[] {
  if (lines.length > maxFieldCount) faults.add('TOO_MANY_FIELDS');
  const fields: PlainField[] = [];
  for (const line of lines) {
    const match = FIELD.exec(line);
    if (match !== null) fields.push({ name: match[1], value: match[2] });
    else if (line.startsWith(':')) faults.add('EMPTY_FIELD_NAME');
    else if (/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+[ \t]/.test(line)) faults.add('WHITESPACE_BEFORE_COLON');
    else faults.add('BAD_FIELD_NAME');
  }
  return fields;
}
