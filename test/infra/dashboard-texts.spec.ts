import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** Lines that the rule must report, and others that it must accept. */
const SOURCE = [
  "import { texts } from './texts.js';",
  'export const A = () => <p>one</p>; // reported',
  "export const B = (x: boolean) => <p>{x ? 'yes' : texts.no}</p>; // reported",
  'export const C = (n: string) => <p aria-label={`Copy ${n}`} />; // reported',
  'export const D = () => <input placeholder="orders" />; // reported',
  "export const E = [{ key: 'state', header: 'State' }]; // reported",
  "export const F = (toast: (text: string) => void) => toast('The key was revoked'); // reported",
  "export const G = { value: '30', choice: '30 days' }; // reported",
  'export const H = () => <p className="row item" data-tone="good">{texts.done}</p>;',
  "export const I = [{ key: 'state', header: texts.state, width: 'minmax(9rem, 1fr)' }];",
  "export const J = () => { throw new Error('Used outside its provider'); };",
  "export const K = (state: string) => <p>{state === 'open' ? texts.open : null}</p>;",
  'export const L = () => <code>culvert expose 3000</code>;',
  '',
];

describe('the rule culvert/dashboard-texts', () => {
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'culvert-texts-'));
    await cp(join(root, 'infra/lint'), join(folder, 'infra/lint'), { recursive: true });
    const config = {
      jsPlugins: ['./infra/lint/culvert.mjs'],
      categories: { correctness: 'off' },
      rules: { 'culvert/dashboard-texts': 'error' },
    };
    await writeFile(join(folder, '.oxlintrc.json'), JSON.stringify(config));
    await mkdir(join(folder, 'page'));
    await writeFile(join(folder, 'page/page.tsx'), SOURCE.join('\n'));
    await writeFile(join(folder, 'page/texts.ts'), "export const texts = { done: 'The key was revoked' };\n");
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('reports text in elements, in attributes and properties that people read, and phrases', async () => {
    const expected = SOURCE.flatMap((line, index) => (line.endsWith('// reported') ? [index + 1] : []));
    expect(await linesReported(folder, 'page/page.tsx')).toEqual(expected);
  });

  it('leaves the files with the texts out', async () => {
    expect(await linesReported(folder, 'page/texts.ts')).toEqual([]);
  });
});

/** Resolves to the numbers of the lines that the rule reports in a file. */
async function linesReported(folder: string, file: string): Promise<number[]> {
  const output = await new Promise<string>((resolve) => {
    execFile(
      process.execPath,
      [join(root, 'node_modules/oxlint/bin/oxlint'), '--format=json', '--no-ignore', file],
      { cwd: folder },
      (_error, stdout) => resolve(stdout),
    );
  });
  const { diagnostics } = JSON.parse(output) as { diagnostics: { labels: { span: { line: number } }[] }[] };
  return diagnostics.map(({ labels }) => labels[0].span.line).toSorted((a, b) => a - b);
}
