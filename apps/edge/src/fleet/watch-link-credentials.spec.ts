import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LinkCredentials } from '@culvert/fleet';
import { readLinkCredentials } from '@culvert/runtime';
import { createTestCertificate } from '@culvert/testkit';
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

  it('reports another certificate, and another authority, once all files belong together', () => {
    const [old, next] = [createTestCertificate(['old.internal']), createTestCertificate(['next.internal'])];
    const files = {
      EDGE_LINK_CERT_FILE: join(folder, 'edge.crt'),
      EDGE_LINK_KEY_FILE: join(folder, 'edge.key'),
      EDGE_LINK_CA_FILE: join(folder, 'ca.crt'),
    };
    writeFileSync(files.EDGE_LINK_CERT_FILE, old.cert);
    writeFileSync(files.EDGE_LINK_KEY_FILE, old.key);
    writeFileSync(files.EDGE_LINK_CA_FILE, old.cert);
    const log = pino({}, { write: (line: string) => void lines.push(line) });
    stop();
    const watch = watchLinkCredentials({ files, used: readLinkCredentials(files), log, lookMs: 1000 });
    stop = watch((credentials) => void changes.push(credentials));
    writeFileSync(files.EDGE_LINK_CA_FILE, old.cert + next.cert);
    check();
    writeFileSync(files.EDGE_LINK_CERT_FILE, next.cert);
    check();
    writeFileSync(files.EDGE_LINK_KEY_FILE, next.key);
    check();
    const ca = old.cert + next.cert;
    expect(changes).toEqual([
      { kind: 'certificates', cert: old.cert, key: old.key, ca },
      { kind: 'certificates', cert: next.cert, key: next.key, ca },
    ]);
    expect(lines.join()).not.toContain('PRIVATE KEY');
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
