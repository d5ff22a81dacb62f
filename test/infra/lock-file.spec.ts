import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

interface LockedPackage {
  readonly resolved?: string;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
  packages: Record<string, LockedPackage>;
};

describe('the lock file', () => {
  // A registry that carries only some platforms makes `npm install` leave the others out, after which `npm ci`
  // fails everywhere: infra/scripts/complete-lockfile.mjs adds them.
  it('names every optional package, so that npm ci accepts it on every platform', () => {
    const names = new Set(
      Object.keys(packages).map((path) => path.slice(path.lastIndexOf('node_modules/') + 13)),
    );
    const missing = Object.values(packages)
      .flatMap(({ optionalDependencies = {} }) => Object.keys(optionalDependencies))
      .filter((name) => !names.has(name));
    expect(missing).toEqual([]);
  });

  it('names no registry host', () => {
    const hosts = Object.values(packages).filter(({ resolved = '' }) => resolved.includes('://'));
    expect(hosts).toEqual([]);
  });
});
