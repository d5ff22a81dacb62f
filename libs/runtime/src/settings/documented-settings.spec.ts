import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { loadSettings } from './settings.js';
import { VARIABLES } from './variables.js';

/** Settings that every other setting needs to have an effect. */
const EVERYTHING_ON = {
  DATABASE_URL: 'postgresql://culvert@db/culvert',
  REDIS_URL: 'redis://redis:6379',
  OIDC_ISSUER: 'https://id.example.com',
  OIDC_CLIENT_ID: 'culvert',
  GITHUB_CLIENT_ID: 'culvert',
  GITHUB_CLIENT_SECRET: 'secret',
  PULL_REQUEST_GITHUB_TOKEN: 'secret',
  PULL_REQUEST_GITLAB_TOKEN: 'secret',
  PULL_REQUEST_BITBUCKET_TOKEN: 'secret',
};

const rows = documentedSettings(readFileSync('docs/operations.md', 'utf8'));

/** Variables and defaults of the table, verbatim; '' for a default that is a description. */
function documentedSettings(page: string): [variable: string, value: string][] {
  const [, table = ''] = /^\| variable \| default \|.*\n\|.*\n((?:\|.*\n)+)/m.exec(page) ?? [];
  return table
    .trimEnd()
    .split('\n')
    .flatMap((row) => {
      const [names = '', defaults = ''] = row.slice(2).split(' | ');
      const variables = [...names.matchAll(/`(\w+)`/g)].map(([, name = '']) => name);
      const [first = ''] = variables;
      const values = defaults.split(', ');
      return variables.map((name, i): [string, string] => [
        // `CULVERT_BOOTSTRAP_API_KEY`, `_EMAIL`
        name.startsWith('_') ? first.replace(/_API_KEY$/, name) : name,
        valueOf(values[i] ?? values[0] ?? ''),
      ]);
    });
}

/** `0 (none)`, `` `info` `` and `8080` are values; `every address` and `<APP_HOST>` are not. */
function valueOf(cell: string): string {
  const [, quoted, digits] = /^(?:`([^`<]+)`|(\d[\d.]*))(?: \(.*\))?$/.exec(cell) ?? [];
  return quoted ?? digits ?? '';
}

describe('the settings in docs/operations.md', () => {
  it('include every variable that is read', () => {
    expect(rows.map(([variable]) => variable).toSorted()).toEqual(Object.keys(VARIABLES).toSorted());
  });

  // CONNECTION_HISTORY_MS refused its documented default of 30 days.
  it.each(rows.filter(([, value]) => value !== ''))(
    'are right about %s: its default %s is accepted and equals the value without it',
    (variable, value) => {
      const without = loadSettings('edge', EVERYTHING_ON);
      expect(loadSettings('edge', { ...EVERYTHING_ON, [variable]: value })).toEqual(without);
    },
  );

  it('have values as defaults where possible', () => {
    expect(rows.filter(([, value]) => value !== '').length).toBeGreaterThan(40);
  });
});
