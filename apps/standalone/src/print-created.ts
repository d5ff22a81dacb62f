import type { Standalone } from './standalone.js';

const LABEL_WIDTH = 13;

/** One result on stdout: a label, spaces, the value. Scripts read these lines. */
export function printLine(label: string, value: string): void {
  process.stdout.write(`${label.padEnd(LABEL_WIDTH)}${value}\n`);
}

/** Where to go, and, on the first start only, what to sign in with: it is shown nowhere else. */
export function printCreated({ url, created }: Pick<Standalone, 'url' | 'created'>): void {
  printLine('Dashboard', `${url}/api/docs`);
  if (created) {
    printLine('Sign in', `${created.email} / ${created.password}`);
    printLine('API key', created.apiKey);
  }
}
