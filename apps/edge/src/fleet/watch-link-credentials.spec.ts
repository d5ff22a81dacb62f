import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LinkCredentials } from '@culvert/fleet';
import { readLinkCredentials } from '@culvert/runtime';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { watchLinkCredentials } from './watch-link-credentials.js';

const [OLD, NEW] = ['o'.repeat(32), 'n'.repeat(40)];

let folder: string;
let path: string;
let changes: LinkCredentials[];
let lines: string[];
let stop: () => void;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  folder = mkdtempSync(join(tmpdir(), 'culvert-secret-'));
  path = join(folder, 'secret');
  writeFileSync(path, OLD);
  [changes, lines] = [[], []];
  const files = { EDGE_LINK_SECRET_FILE: path };
  const log = pino({}, { write: (line: string) => void lines.push(line) });
  const watch = watchLinkCredentials({ files, used: readLinkCredentials(files), log, lookMs: 1000 });
  stop = watch((credentials) => void changes.push(credentials));
});
afterEach(() => {
  stop();
  vi.useRealTimers();
  rmSync(folder, { recursive: true, force: true });
});
const check = (): void => void vi.advanceTimersByTime(1000);

describe(watchLinkCredentials, () => {
  it('reports the secrets of a file, one on each line, each time that it changes', () => {
    for (const content of [OLD, `${OLD}\n${NEW}\n`, `${NEW}\n${OLD}\n`, NEW]) {
      writeFileSync(path, content);
      check();
      check();
    }
    expect(changes).toEqual([
      { kind: 'secrets', secrets: [OLD, NEW] },
      { kind: 'secrets', secrets: [NEW, OLD] },
      { kind: 'secrets', secrets: [NEW] },
    ]);
    expect(lines.join()).not.toMatch(/ooo|nnn/);
  });

  it('keeps the old secret and logs one error, without the content, while the file is unusable', () => {
    writeFileSync(path, 'hunter2');
    for (let i = 0; i < 4; i++) check();
    expect([changes.length, lines.length]).toEqual([0, 1]);
    expect(lines[0]).toContain('EDGE_LINK_SECRET_FILE must be');
    expect(lines[0]).not.toContain('hunter2');
    rmSync(path);
    check();
    writeFileSync(path, NEW);
    check();
    expect(changes).toHaveLength(1);
  });
});
