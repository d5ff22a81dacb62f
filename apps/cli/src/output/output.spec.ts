import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { TestStream } from '../spec/test-terminal.js';
import { Output, type OutputFormat } from './output.js';
import { plainYaml } from './plain-yaml.js';
import { printQrCode } from './qr-code.js';

const ESCAPE = '\u001b';

function outputTo(options: { isTTY?: boolean; env?: NodeJS.ProcessEnv; format?: OutputFormat } = {}) {
  const stdout = new TestStream(options.isTTY);
  const stderr = new TestStream(options.isTTY);
  const { format = 'text', env = {} } = options;
  return { stdout, stderr, output: new Output({ format, stdout, stderr, env, toYaml: plainYaml }) };
}

describe('output', () => {
  it('aligns tables by display width, with no padding after the last column', () => {
    const { output, stdout } = outputTo();
    output.table(
      ['NAME', 'STATE'],
      [
        ['東京', 'ACTIVE'],
        ['e\u0301👩‍💻', 'WAITING'],
        ['a', ''],
      ],
      'Nothing.',
    );
    expect(stdout.text).toBe('NAME  STATE\n東京  ACTIVE\ne\u0301👩‍💻   WAITING\na     -\n');
  });

  it('shows a character whose bytes arrive in two parts', () => {
    const { output, stdout } = outputTo({ isTTY: true });
    const bytes = Buffer.from('grün 👩\n');
    for (const byte of bytes) output.bytes(Uint8Array.of(byte));
    expect(stdout.text).toBe('grün 👩\n');
  });

  it('shows rows as fields when the terminal is too narrow for the table, and truncates nothing', () => {
    const rows = [
      ['shop', 'https://shop.preview.example.com'],
      ['blog', 'https://blog.preview.example.com'],
    ];
    const print = (columns: number): string => {
      const { output, stdout } = outputTo({ isTTY: true, env: { NO_COLOR: '1' } });
      Object.assign(stdout, { columns });
      output.table(['NAME', 'URL'], rows, '');
      return stdout.text;
    };
    expect(print(38)).toMatch(/^NAME {2}URL\nshop {2}https:/);
    expect(print(37)).toBe(
      'NAME  shop\nURL   https://shop.preview.example.com\n\nNAME  blog\nURL   https://blog.preview.example.com\n',
    );
  });

  it('notes on stderr that the list is empty', () => {
    const { output, stdout, stderr } = outputTo();
    output.table(['NAME'], [], 'Nothing.');
    expect([stdout.text, stderr.text]).toEqual(['', 'Nothing.\n']);
  });

  it('prints names from others so that they cannot control the terminal or forge a line', () => {
    const { output, stdout, stderr } = outputTo({ isTTY: true, env: { NO_COLOR: '1' } });
    const hostile = `x${ESCAPE}[2J\nSigned in as root`;
    output.table(['NAME'], [[hostile]], '');
    output.fields([['Name', hostile]]);
    output.line(hostile);
    output.pair(hostile, hostile);
    output.error(hostile, hostile);
    expect(stdout.text + stderr.text).not.toContain(ESCAPE);
    expect(stdout.text.split('\n')).toHaveLength(6);
    expect(stderr.text.split('\n')).toHaveLength(3);
  });

  it.each([
    ['a terminal', true, {}, true],
    ['a pipe', false, {}, false],
    ['NO_COLOR', true, { NO_COLOR: '1' }, false],
    ['a terminal that knows no colors', true, { TERM: 'dumb' }, false],
  ])('uses colors where they are wanted: %s', async (_name, isTTY, env, hasColor) => {
    const { output, stdout } = outputTo({ isTTY, env });
    output.table(['NAME'], [['a']], '');
    output.fields([['Name', 'a']]);
    await printQrCode(output, 'https://a.example');
    expect(stdout.text.includes(ESCAPE)).toBe(hasColor);
  });

  it('prints YAML when asked for: one document, and for events one document each', () => {
    const { output, stdout } = outputTo({ format: 'yaml', isTTY: true });
    output.event({ a: { b: ['x'] } }, () => output.line('text'));
    output.event({ c: null }, () => output.line('text'));
    expect(stdout.text).toBe('---\na:\n  b:\n    - x\n---\nc: null\n');
    const documents = parseAllDocuments(stdout.text).map((document) => document.toJS() as unknown);
    expect(documents).toEqual([{ a: { b: ['x'] } }, { c: null }]);
  });

  it('prints only JSON when asked for, with one event per line', () => {
    const { output, stdout } = outputTo({ format: 'json', isTTY: true });
    output.event({ a: { b: ['x\n  y'] } }, () => output.line('text'));
    output.result({ a: null }, () => output.line('text'));
    const [first = '', ...rest] = stdout.text.split('\n');
    expect(JSON.parse(first)).toEqual({ a: { b: ['x\n  y'] } });
    expect(JSON.parse(rest.join('\n'))).toEqual({ a: null });
  });
});
