import { execFile } from 'node:child_process';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findInMarkdown } from '../../infra/lint/prose-docs.mjs';
import { findWordings, PATTERNS } from '../../infra/lint/prose-patterns.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));

describe('prose patterns', () => {
  it.each(PATTERNS)('find "$wrong" and accept "$right"', ({ name, wrong, right }) => {
    expect(findWordings(wrong, true).map((finding) => finding.name)).toEqual([name]);
    expect(findWordings(right, true)).toEqual([]);
  });

  it('accept a fragment that is not at the start of a comment', () => {
    expect(findWordings('Whose traffic is it?', false)).toEqual([]);
  });

  it('do not look at code and at quoted words', () => {
    expect(findWordings('The command `go on` prints "for ever".', true)).toEqual([]);
  });
});

describe('findInMarkdown', () => {
  it('reports the first line of the paragraph, whose lines it joins', () => {
    expect(findInMarkdown('# Title\n\nThe tunnel waits for\never.\n\n- It goes on.\n')).toMatchObject([
      { line: 3, found: 'for ever' },
      { line: 6, found: 'goes on' },
    ]);
  });

  it('leaves code blocks out', () => {
    expect(findInMarkdown('Text.\n\n```sh\n# goes on for ever\n```\n')).toEqual([]);
  });
});

describe('the rule culvert/prose', () => {
  let folder: string;
  let messages: { readonly message: string; readonly line: number }[];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'culvert-prose-'));
    await cp(join(root, 'infra/lint'), join(folder, 'infra/lint'), { recursive: true });
    const config = {
      jsPlugins: ['./infra/lint/culvert.mjs'],
      categories: { correctness: 'off' },
      rules: { 'culvert/prose': 'error' },
    };
    await writeFile(join(folder, '.oxlintrc.json'), JSON.stringify(config));
    await writeFile(
      join(folder, 'source.tsx'),
      [
        '/** Of routes that are',
        ' *  used for ever. */',
        '// oxlint-disable-next-line culvert/nothing -- a key is no person',
        "it('answers visitors no more', () => {});",
        "const color = 'colour';",
        'const text = `A key ${color} is no person at all`;',
        'const page = <p>Look whether it runs</p>;',
        '// A clear comment.',
        '',
      ].join('\n'),
    );
    messages = await lint(folder);
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('reports comments, test names, strings and text of pages, and leaves single words and directives out', () => {
    expect(messages.map(({ line, message }) => `${line} ${message.split(':')[0]}`)).toEqual([
      '1 "for ever"',
      '1 "Of "',
      '4 "no more"',
      '6 "is no person"',
      '7 "Look whether"',
    ]);
  });
});

/** Findings of oxlint in `folder`, by line. */
async function lint(folder: string): Promise<{ message: string; line: number }[]> {
  const output = await new Promise<string>((resolve) => {
    execFile(
      process.execPath,
      [join(root, 'node_modules/oxlint/bin/oxlint'), '--format=json', '--no-ignore', 'source.tsx'],
      { cwd: folder },
      (_error, stdout) => resolve(stdout),
    );
  });
  const { diagnostics } = JSON.parse(output) as {
    diagnostics: { message: string; labels: { span: { line: number } }[] }[];
  };
  return diagnostics
    .map(({ message, labels }) => ({ message, line: labels[0].span.line }))
    .toSorted((a, b) => a.line - b.line || a.message.localeCompare(b.message));
}
