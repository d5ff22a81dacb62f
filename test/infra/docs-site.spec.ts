/** The pages of `docs/`: what links in them lead to, and how readers of the site find them. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { describe, expect, it } from 'vitest';
import { outlineOf, readPages, slugOf } from '../../infra/docs/markdown.mjs';
import { NAMED_PAGES, navigationOf, START_PAGE } from '../../infra/docs/navigation.js';
import { drawTerminal } from '../../infra/docs/terminal-picture.mjs';

const KNOWN = ['ls-files', '-z', '--cached', '--others', '--exclude-standard', '*.md'];
const files = execFileSync('git', KNOWN, { encoding: 'utf8' }).split('\0').filter(existsSync);
const outlines = new Map(files.map((file) => [file, outlineOf(readFileSync(file, 'utf8'))]));

/** Returns what is wrong with the links of `file`. Addresses of other hosts are not looked at. */
function deadLinksOf(file: string): string[] {
  const dead: string[] = [];
  for (const target of outlines.get(file)?.targets ?? []) {
    if (/^[a-z][a-z+.-]*:/i.test(target)) continue;
    const [path = '', anchor] = target.split('#');
    const found = path === '' ? file : posix.join(posix.dirname(file), decodeURI(path));
    if (!existsSync(found)) dead.push(`${file}: ${target}: no such file`);
    else if (anchor !== undefined && !outlines.get(found)?.anchors.has(anchor))
      dead.push(`${file}: ${target}: no such heading`);
  }
  return dead;
}

describe('the links of Markdown files', () => {
  it('lead to files and headings that exist', () => {
    expect(files.length).toBeGreaterThan(20);
    expect(files.flatMap(deadLinksOf)).toEqual([]);
  });

  it.each([
    ['8. Connection: upgrade and `Expect`', '8-connection-upgrade-and-expect'],
    ['What a gate decides', 'what-a-gate-decides'],
    ['`EDGE_LINK_PORT`, again', 'edge_link_port-again'],
  ])('find the heading "%s" as #%s', (heading, anchor) => {
    expect([...outlineOf(`# ${heading}`).anchors]).toEqual([anchor]);
  });

  it('are found in paragraphs, tables and HTML, but not in code', () => {
    const markdown =
      '# A\n\n[a](a.md) `[b](b.md)`\n\n|x|y|\n|-|-|\n|[c](c.md#x)|![d](d.png)|\n\n<img src="e.png">\n\n```\n[f](f.md)\n```\n';
    expect(outlineOf(markdown).targets).toEqual(['a.md', 'c.md#x', 'd.png', 'e.png']);
  });

  it('tell repeated headings apart by a number', () => {
    expect([...outlineOf('# A\n\n## B\n\n## B\n').anchors]).toEqual(['a', 'b', 'b-1']);
    expect(slugOf('B')).toBe('b');
  });
});

describe('the navigation of the documentation', () => {
  const pages = readPages('docs/');
  const shown = navigationOf(pages).flatMap((section) => section.pages.map(({ path }) => path));

  it('shows each page of docs/ once, besides the start page', () => {
    const all = pages.map(({ path }) => path).filter((path) => path !== START_PAGE);
    expect(shown.toSorted()).toEqual(all.toSorted());
    expect(all).toContain('operations.md');
  });

  it('names no page that does not exist', () => {
    expect(NAMED_PAGES.filter((path) => !existsSync(`docs/${path}`))).toEqual([]);
  });

  it('has a title for every page', () => {
    expect(pages.filter(({ path, title }) => title === path)).toEqual([]);
  });

  it('shows pages that it does not name in the section of their folder, or in "More"', () => {
    const sections = navigationOf(
      ['zebra.md', 'decisions/2.md', 'decisions/1.md', 'new/page.md'].map((path) => ({ path, title: path })),
    );
    expect(sections.map(({ title, pages: inside }) => [title, inside.map(({ path }) => path)])).toEqual([
      ['More', ['new/page.md', 'zebra.md']],
      ['Decisions', ['decisions/1.md', 'decisions/2.md']],
    ]);
  });
});

describe('the picture of a terminal', () => {
  it('shows markup and control characters of a program as text, and long pauses shortened', () => {
    const svg = drawTerminal('a <b>', [
      { atMs: 0, kind: 'prompt', text: 'culvert expose 3000' },
      { atMs: 90_000, kind: 'output', text: '<script>&"\u001b' },
    ]);
    expect(svg).toContain('<title>a &lt;b&gt;</title>');
    expect(svg).toContain('animation-delay:1100ms">&lt;script&gt;&amp;&quot;</text>');
    expect(svg).toContain('$ culvert expose 3000</text>');
  });
});
