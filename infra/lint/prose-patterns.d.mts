/** A wording to avoid; see `prose-patterns.mjs`. */
export interface WordingPattern {
  readonly name: string;
  readonly pattern: RegExp;
  readonly advice: string;
  readonly atStart?: boolean;
  readonly wrong: string;
  readonly right: string;
}

export const PATTERNS: readonly WordingPattern[];

export function findWordings(
  text: string,
  isComment?: boolean,
): { readonly name: string; readonly found: string; readonly advice: string }[];
