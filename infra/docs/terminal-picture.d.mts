/** A line of a terminal. */
export interface TerminalLine {
  readonly atMs: number;
  readonly kind: 'prompt' | 'key' | 'url' | 'output' | 'note';
  readonly text: string;
}

export declare function drawTerminal(title: string, lines: readonly TerminalLine[]): string;
