import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parseFile } from './parse-file.js';
import { readUpFile } from './read-file.js';

const root = fileURLToPath(new URL('../../../../../', import.meta.url));
const folder = `${root}infra/examples/culvert-yaml/`;
const page = readFileSync(`${root}docs/culvert-yaml.md`, 'utf8');

/** Blocks of YAML in the page that are whole files. */
const blocks = [...page.matchAll(/^```yaml\n([^]*?)^```$/gm)]
  .map(([, text = '']) => text)
  .filter((text) => text.includes('endpoints:'));

describe('the examples of culvert.yaml', () => {
  it.each(readdirSync(folder))('can be read: %s', (name) => {
    expect(readUpFile(folder + name, {}, { isNamed: true }).endpoints.length).toBeGreaterThan(0);
  });

  it.each(blocks)('can be read from the page about the file: %#', (text) => {
    expect(parseFile(text, 'culvert.yaml', { API_TOKEN: 'a' }).secrets).toEqual([]);
  });

  it('are in the page about the file', () => expect(blocks.length).toBeGreaterThan(2));
});
