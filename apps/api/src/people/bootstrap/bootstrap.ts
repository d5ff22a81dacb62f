import { randomBytes } from 'node:crypto';
import { SCOPES, apiKeyHint, generateApiKeySecret, hashApiKeySecret, type Store } from '@culvert/domain';
import type { Settings } from '@culvert/runtime';
import { hashPassword } from '../sign-in/passwords.js';

const TEAM_NAME = 'Default';
const DEFAULT_EMAIL = 'owner@culvert.localhost';

/** Credentials of the first person. This is the only place where they exist in clear text. */
export interface BootstrapResult {
  readonly email: string;
  readonly password: string;
  readonly apiKey: string;
}

/**
 * Creates the first team, its owner and an API key with every scope if there is no team yet. Null if there is one, or
 * if another process that started at the same moment was faster.
 */
export async function bootstrap(
  store: Store,
  { bootstrap: wanted }: Pick<Settings, 'bootstrap'>,
): Promise<BootstrapResult | null> {
  const email = wanted.email ?? DEFAULT_EMAIL;
  const password = wanted.password ?? generatePassword();
  const apiKey = wanted.apiKey ?? generateApiKeySecret();
  const first = await store.bootstrap.createFirst({
    teamName: TEAM_NAME,
    email,
    passwordHash: await hashPassword(password),
    apiKey: {
      name: 'First key',
      hint: apiKeyHint(apiKey),
      hash: hashApiKeySecret(apiKey),
      scopes: SCOPES,
      expiresAt: null,
    },
  });
  return first === null ? null : { email, password, apiKey };
}

/** Returns what to print on stdout. The secrets appear nowhere else. */
export function bootstrapResults({
  email,
  password,
  apiKey,
}: BootstrapResult): [label: string, value: string][] {
  return [
    ['Sign in', `${email} / ${password}`],
    ['API key', apiKey],
  ];
}

// Crockford's base32 in lower case: without i, l, o and u, which people misread.
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
const GROUPS = 4;
const GROUP_LENGTH = 5;

/** Generates four groups of five characters with 100 random bits, such as `k7f3q-2m9x4-t8w2a-p5d0c`. */
function generatePassword(): string {
  const characters = [...randomBytes(GROUPS * GROUP_LENGTH)].map((byte) => ALPHABET[byte & 31]);
  return Array.from({ length: GROUPS }, (_, group) =>
    characters.slice(group * GROUP_LENGTH, (group + 1) * GROUP_LENGTH).join(''),
  ).join('-');
}
