import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { cliReference, manPage } from './index.js';

const page = (name: string) => readFileSync(new URL(`../../../../docs/${name}`, import.meta.url), 'utf8');

/** Runs a formatter of manual pages, or returns null where it is not installed. */
function format(command: string, args: readonly string[]): { stdout: string; stderr: string } | null {
  const { error, stdout, stderr } = spawnSync(command, args, {
    input: manPage(),
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C.UTF-8', MANWIDTH: '80' },
  });
  return error === undefined ? { stdout, stderr } : null;
}

describe('docs/cli-reference.md', () => {
  it('is up to date (otherwise run: node infra/scripts/cli-docs.mjs)', () => {
    expect(page('cli-reference.md')).toBe(cliReference());
  });

  it('has every command, and docs/cli.md names each of them or its group', () => {
    const commands = page('cli-reference.md').match(/(?<=^### culvert ).+$/gm) ?? [];
    expect(commands.length).toBeGreaterThan(50);
    const overview = page('cli.md');
    expect(overview).toContain('(cli-reference.md)');
    const groups = new Set(commands.map((words) => words.split(' ')[0] ?? ''));
    const isNamed = (group: string): boolean =>
      overview.includes(`\`${group}\``) || overview.includes(`\`culvert ${group}`);
    expect([...groups].filter((group) => !isNamed(group))).toEqual([]);
  });
});

describe('the manual page', () => {
  const headings = cliReference().match(/(?<=^### ).+$/gm) ?? [];

  it('describes every command, in the lines of man(7)', () => {
    expect(headings.length).toBeGreaterThan(50);
    for (const heading of headings) expect(manPage()).toContain(`.SS "${heading.replaceAll('-', '\\-')}"\n`);
    // A line of text that begins with a point or a quote would be read as a request.
    const requests = new Set(manPage().match(/^[.'].\S*/gm));
    const known = ['.TH', '.SH', '.SS', '.TP', '.B', '.PP', '.RS', '.RE', '.nf', '.fi', '.nh', '.ad'];
    expect([...requests].filter((request) => !known.includes(request))).toEqual([]);
  });

  it('is valid for groff, without a warning', ({ skip }) => {
    const formatted = format('groff', ['-ww', '-man', '-Tutf8', '-']);
    skip(formatted === null, 'groff is not installed');
    expect(formatted?.stderr).toBe('');
    expect(formatted?.stdout).toContain('culvert');
  });

  it('is valid for man, without a warning', ({ skip }) => {
    const formatted = format('man', ['--warnings', '-l', '-']);
    skip(formatted === null, 'man is not installed');
    expect(formatted?.stderr).toBe('');
    expect(formatted?.stdout).toContain('EXIT CODES');
    expect(formatted?.stdout).toContain('culvert preview create --workload checkout');
  });
});
