import { execFile } from 'node:child_process';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findInMarkdown } from '../../infra/lint/prose-docs.mjs';
import { findWordings, PATTERNS } from '../../infra/lint/prose-patterns.mjs';
import { draw, readTexts } from '../../infra/lint/prose-sample.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));

describe('prose patterns', () => {
  it.each(PATTERNS)('find "$wrong" and accept "$right"', ({ name, wrong, right }) => {
    expect(findWordings(wrong, true).map((finding) => finding.name)).toEqual([name]);
    expect(findWordings(right, true)).toEqual([]);
  });

  it('accept a fragment that is not at the start of a comment', () => {
    expect(findWordings('Whose traffic is it?', false)).toEqual([]);
  });

  it('ignore code and quoted words', () => {
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

describe('readTexts', () => {
  const read = (file: string, lines: readonly string[]) => {
    const { comments, messages, tests } = readTexts(file, lines.join('\n'));
    return [comments, messages, tests].map((texts) => texts.map(({ line, text }) => `${line} ${text}`));
  };

  it('finds comments, and joins line comments that follow each other', () => {
    const [comments] = read('libs/a/src/a.ts', [
      '/** Closes the',
      ' *  idle stream. */',
      '// The first line',
      '// and the second one.',
      'x(); // Says why here.',
      '// oxlint-disable-next-line culvert/prose -- not for people',
      '// too short',
    ]);
    expect(comments).toEqual([
      '1 Closes the idle stream.',
      '3 The first line and the second one.',
      '5 Says why here.',
    ]);
  });

  it('finds whole messages: strings, templates, sums of both and elements with their attributes', () => {
    const [, messages] = read('apps/a/src/a.tsx', [
      "import a from 'not a message';",
      "const b = 'The tunnel is closed';",
      "const c = `The tunnel ${name} is ` + 'closed';",
      '<p title="Ends the session now">Press <b>Stop</b> to {end(\'stop the exchange\')}</p>;',
      "const d = 'SELECT id FROM tunnels';",
    ]);
    expect(messages).toEqual([
      '2 The tunnel is closed',
      '3 The tunnel ${name} is closed',
      "4 Press Stop to ${end('stop the exchange')}",
      '4 Ends the session now',
      '4 stop the exchange',
    ]);
  });

  it('finds test names below the names of their suites, and no messages in a spec', () => {
    const [, messages, tests] = read('libs/a/src/a.spec.ts', [
      'describe(Tunnel.name, () => {',
      "  describe('a stream', () => {",
      "    it.each([1, 2])('closes %s times', () => { send('a text of three words'); });",
      '  });',
      '  it.skipIf(isRoot)(`opens as ${user}`, () => {});',
      '});',
      "describeOnEveryDatabase('teams', open, () => { it('have members', () => {}); });",
      'test(request, response);',
    ]);
    expect(tests).toEqual([
      '3 Tunnel > a stream > closes %s times',
      '5 Tunnel > opens as ${user}',
      '7 teams > have members',
    ]);
    expect(messages).toEqual([]);
  });
});

describe('draw', () => {
  const texts = Array.from({ length: 100 }, (_, index) => index);

  it('returns the same texts for the same seed, and others for another', () => {
    expect(draw(texts, 10, 7)).toEqual(draw(texts, 10, 7));
    expect(draw(texts, 10, 7)).not.toEqual(draw(texts, 10, 8));
  });

  it('returns each text once when more are asked for than there are', () => {
    expect(draw(texts, 200, 7).toSorted((a, b) => a - b)).toEqual(texts);
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
