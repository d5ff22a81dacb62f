import { types } from 'node:util';
import { ClientError } from '../client-error.js';
import type { ExposeOptions } from './types.js';

/** What a value must be, for people, and whether it is that. */
type Rule = readonly [what: string, isMet: (value: unknown) => boolean];

const TEXT: Rule = ['a string', (value) => typeof value === 'string'];
const FLAG: Rule = ['true or false', (value) => typeof value === 'boolean'];
const CALLBACK: Rule = ['a function', (value) => typeof value === 'function'];

/** Values of other realms count too: test runners have some. */
const RULES: Readonly<Record<keyof ExposeOptions, Rule>> = {
  url: TEXT,
  apiKey: TEXT,
  caFile: TEXT,
  name: TEXT,
  access: ['"team" or "public"', (value) => value === 'team' || value === 'public'],
  keep: FLAG,
  expiresAt: [
    'a Date in the future, such as new Date(Date.now() + 3_600_000)',
    (value) => types.isDate(value) && value.getTime() > Date.now(),
  ],
  headers: ['an object whose values are strings', isTexts],
  hostHeader: TEXT,
  rewriteOrigin: FLAG,
  banner: FLAG,
  allowUpgrades: FLAG,
  pullRequestUrl: TEXT,
  insecureTarget: FLAG,
  onRequest: CALLBACK,
  onLost: CALLBACK,
  onReconnected: CALLBACK,
  onUrlChange: CALLBACK,
  signal: [
    'an AbortSignal',
    (value) => typeof (value as AbortSignal | null)?.addEventListener === 'function',
  ],
};

/**
 * Refuses options that `expose` does not know, and values that are not of the declared type. A mistyped `access` would otherwise
 * be ignored in programs without types.
 * @throws ClientError
 */
export function checkOptions(options: ExposeOptions): void {
  for (const [name, value] of Object.entries(options)) {
    if (!Object.hasOwn(RULES, name)) {
      throw new ClientError('usage', `"${name}" is not an option of expose`, {
        hint: `Use one of these: ${Object.keys(RULES).join(', ')}.`,
      });
    }
    const [what, isMet] = RULES[name as keyof ExposeOptions];
    if (value === undefined || isMet(value)) continue;
    throw new ClientError('usage', `the option ${name} has a value that it does not accept`, {
      hint: `Set ${name} to ${what}, or leave it out.`,
    });
  }
}

function isTexts(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  return Object.values(value).every((text) => typeof text === 'string');
}
