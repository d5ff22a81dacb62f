const LABEL_WIDTH = 13;

/** Prints results on stdout, one per line: a label, spaces, the value. Scripts read these lines. */
export function printResults(results: readonly (readonly [label: string, value: string])[]): void {
  // A single write, so that a reader of the first line finds the others too.
  process.stdout.write(results.map(([label, value]) => `${label.padEnd(LABEL_WIDTH)}${value}\n`).join(''));
}
