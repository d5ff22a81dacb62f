/** A text in a source file; `line` counts from 1. */
export interface ProseText {
  readonly file: string;
  readonly line: number;
  readonly text: string;
}

export function readTexts(
  file: string,
  source: string,
): {
  readonly comments: readonly ProseText[];
  readonly messages: readonly ProseText[];
  readonly tests: readonly ProseText[];
};

export function draw<T>(texts: readonly T[], count: number, seed: number): T[];
