/**
 * Regular expressions that cannot stall the caller: RE2's, in time linear in the value, with programs so small that any
 * value costs little. RE2's native build would need a compiler at installation.
 */
import { RE2JS, RE2JSException } from 're2js';
import { RuleError } from './rule-error.js';

const MAX_PATTERN_LENGTH = 256;

/** Limit of instructions of a compiled expression. Typical ones have 5 to 60. */
export const MAX_PROGRAM_SIZE = 128;

export interface Pattern {
  /** Instructions: a match takes at most this times the value's length in steps. */
  readonly size: number;
  /** Reports whether the whole of `value` matches. */
  matches(value: string): boolean;
}

/** Throws RuleError if `text` is not an RE2 expression, or too large. */
export function compilePattern(text: string): Pattern {
  if (text.length === 0 || text.length > MAX_PATTERN_LENGTH || /[^\x20-\x7e]/.test(text)) {
    throw new RuleError(`a pattern must be 1 to ${MAX_PATTERN_LENGTH} printable ASCII characters`);
  }
  let compiled: RE2JS;
  try {
    compiled = RE2JS.compile(text);
  } catch (cause) {
    if (!(cause instanceof RE2JSException)) throw cause;
    throw new RuleError(`the pattern ${text} is not valid: ${cause.message}`, { cause });
  }
  const size = compiled.programSize();
  if (size > MAX_PROGRAM_SIZE) {
    throw new RuleError(
      `the pattern ${text} is too complex: it has ${size} steps (use at most ${MAX_PROGRAM_SIZE})`,
    );
  }
  return { size, matches: (value) => compiled.matches(value) };
}
