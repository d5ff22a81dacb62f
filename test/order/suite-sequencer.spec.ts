import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { PATIENT, patientFirst } from './suite-sequencer.js';

describe('patientFirst', () => {
  it('begins with the files that wait, the longest first, and leaves the others as they are', () => {
    const [longest, second] = PATIENT;
    const given = ['/a/z.spec.ts', `/a/${second}`, '/a/b.spec.ts', `/a/${longest}`];
    const sorted = patientFirst(given, (path) => path);
    expect(sorted).toEqual([`/a/${longest}`, `/a/${second}`, '/a/z.spec.ts', '/a/b.spec.ts']);
  });

  it.each(PATIENT)('knows %s by the name that it has', (name) => {
    expect(existsSync(fileURLToPath(new URL(`../system/${name}`, import.meta.url)))).toBe(true);
  });
});
