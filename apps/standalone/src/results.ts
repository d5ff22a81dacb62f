import type { Standalone } from './standalone.js';

const LABEL_WIDTH = 13;

/** Prints results on stdout, one a line: a label, spaces, the value. Scripts read these lines. */
export function printResults(results: readonly (readonly [label: string, value: string])[]): void {
  // One write: whoever reads the first line finds the others there too.
  process.stdout.write(results.map(([label, value]) => `${label.padEnd(LABEL_WIDTH)}${value}\n`).join(''));
}

/** Where to go, and, on the first start only, what to sign in with: it is shown nowhere else. */
export function resultsOf({ url, created }: Pick<Standalone, 'url' | 'created'>): [string, string][] {
  const results: [string, string][] = [['Dashboard', `${url}/api/docs`]];
  if (created) {
    results.push(['Sign in', `${created.email} / ${created.password}`], ['API key', created.apiKey]);
  }
  return results;
}
