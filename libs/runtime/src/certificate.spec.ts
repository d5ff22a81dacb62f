import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTestCertificate } from '@culvert/testkit';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Certificate, type CertificateFiles, CertificateWatch, readCertificate } from './certificate.js';
import { ConfigurationError } from './settings/configuration-error.js';

const [FIRST, SECOND] = [createTestCertificate(['a.test']), createTestCertificate(['b.test'])];

let folder: string;
let files: CertificateFiles;

function write({ cert, key }: Certificate): void {
  writeFileSync(files.certFile, cert);
  writeFileSync(files.keyFile, key);
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'culvert-certificate-'));
  files = { certFile: join(folder, 'tls.crt'), keyFile: join(folder, 'tls.key'), lookMs: 1000 };
  write(FIRST);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('readCertificate', () => {
  it('returns a certificate and its key', () => {
    expect(readCertificate(files)).toEqual({ cert: FIRST.cert, key: FIRST.key });
  });

  it('refuses the key of another certificate, empty files and absent files, and names the files', () => {
    writeFileSync(files.keyFile, SECOND.key);
    expect(() => readCertificate(files)).toThrow(ConfigurationError);
    // Node would accept these, and every handshake would fail: a program that writes the file has truncated it.
    for (const empty of [{ cert: '' }, { key: '' }]) {
      write({ ...FIRST, ...empty });
      expect(() => readCertificate(files)).toThrow(ConfigurationError);
    }
    rmSync(files.keyFile);
    expect(() => readCertificate(files)).toThrow(new RegExp(`tls.crt and .*tls.key must be a certificate`));
  });
});

describe(CertificateWatch.name, () => {
  let changes: Certificate[];
  let problems: ConfigurationError[];
  let watch: CertificateWatch;

  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    [changes, problems] = [[], []];
    watch = new CertificateWatch(files, readCertificate(files), {
      onChange: (certificate) => void changes.push(certificate),
      onProblem: (error) => void problems.push(error),
    });
  });
  afterEach(() => {
    watch.stop();
    vi.useRealTimers();
  });
  const check = (): void => void vi.advanceTimersByTime(1000);

  it('reports another certificate once', () => {
    check();
    write(SECOND);
    check();
    check();
    expect(changes).toEqual([{ cert: SECOND.cert, key: SECOND.key }]);
    expect(problems).toEqual([]);
  });

  it('ignores a check between the replacements of the two files', () => {
    writeFileSync(files.certFile, SECOND.cert);
    check();
    writeFileSync(files.keyFile, SECOND.key);
    check();
    expect([changes.length, problems]).toEqual([1, []]);
  });

  it('reports files that stay unusable only once, and then the next valid certificate', () => {
    writeFileSync(files.certFile, 'broken');
    for (let i = 0; i < 5; i++) check();
    expect(problems).toHaveLength(1);
    expect(problems[0]).toBeInstanceOf(ConfigurationError);
    write(SECOND);
    check();
    expect(changes).toHaveLength(1);
  });

  it('does not check once it is stopped', () => {
    watch.stop();
    write(SECOND);
    check();
    expect(changes).toEqual([]);
  });
});
