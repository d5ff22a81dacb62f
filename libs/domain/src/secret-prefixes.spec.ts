import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { generateApiKeySecret } from './api-key.js';
import { generateOAuthSecret } from './program.js';
import { PREVIEW_TOKEN_PREFIX, SHARE_LINK_PREFIX } from './preview-access.js';
import { generateSecret } from './secret.js';
import { generateWorkloadToken } from './workload-identity.js';
import { SECRET_PREFIX_PATTERN, SECRET_PREFIXES } from './secret-prefixes.js';

const LIBS_AND_APPS = ['libs', 'apps'].map((name) => new URL(`../../../${name}/`, import.meta.url));

describe('SECRET_PREFIXES', () => {
  it('contains the prefix of every secret that is generated', () => {
    const secrets = [
      generateApiKeySecret(),
      generateWorkloadToken(),
      generateSecret(PREVIEW_TOKEN_PREFIX),
      generateSecret(SHARE_LINK_PREFIX),
      ...(['code', 'device', 'access', 'refresh'] as const).map(generateOAuthSecret),
    ];
    expect(secrets.map((secret) => secret.slice(0, secret.indexOf('_') + 1)).toSorted()).toEqual(
      Object.values(SECRET_PREFIXES).toSorted(),
    );
    for (const secret of secrets) expect(secret).toMatch(new RegExp(`^${SECRET_PREFIX_PATTERN}`));
  });

  it('is the only place in the sources that contains a prefix as a string', () => {
    const found: string[] = [];
    for (const folder of LIBS_AND_APPS) {
      for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
        if (!/\/src\/.*\.tsx?$/.test(file) || /\.spec\.ts|\/spec\/|node_modules/.test(file)) continue;
        const text = readFileSync(new URL(file, folder), 'utf8');
        if (/['"]cv[a-z]{1,3}_['"]/.test(text) && !file.endsWith('secret-prefixes.ts')) found.push(file);
      }
    }
    expect(found).toEqual([]);
  });
});
