import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

interface LockedPackage {
  readonly resolved?: string;
  readonly integrity?: string;
  readonly link?: boolean;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
  packages: Record<string, LockedPackage>;
};

describe('the lock file', () => {
  // A registry that carries only some platforms makes `npm install` omit the others, after which `npm ci` fails everywhere:
  // infra/scripts/complete-lockfile.mjs adds them.
  it('lists every optional package, so that npm ci accepts it on every platform', () => {
    const names = new Set(
      Object.keys(packages).map((path) => path.slice(path.lastIndexOf('node_modules/') + 13)),
    );
    const missing = Object.values(packages)
      .flatMap(({ optionalDependencies = {} }) => Object.keys(optionalDependencies))
      .filter((name) => !names.has(name));
    expect(missing).toEqual([]);
  });

  it('has the hash of every package that npm downloads', () => {
    const without = Object.entries(packages)
      .filter(([path, { link, integrity }]) => path.includes('node_modules/') && !link && !integrity)
      .map(([path]) => path);
    expect(without).toEqual([]);
  });

  it.each([
    ['what reports installations to others', '@scarf/scarf'],
    ['a parser of uploads that nothing uses', 'multer'],
    ['a parser of uploads that nothing uses', 'busboy'],
    ['what needs a later Node', '@prisma/streams-local'],
    ['what needs a later Node', 'file-type'],
  ])('has a stand-in for %s, %s, or nothing', (_what, name) => {
    const found = Object.entries(packages).filter(([path]) => path.endsWith(`node_modules/${name}`));
    for (const [, { link, resolved }] of found)
      expect([link, resolved]).toEqual([true, expect.stringMatching(/^infra\/stand-ins\//)]);
  });

  it('contains no registry host', () => {
    const hosts = Object.values(packages).filter(({ resolved = '' }) => resolved.includes('://'));
    expect(hosts).toEqual([]);
  });
});
