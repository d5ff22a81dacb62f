/**
 * Races between two operations on credentials: keys, links, tokens and passwords. A file of its own, so that two workers
 * share the races.
 */
import type { Scope } from '@culvert/domain';
import { createTestDatabase } from '@culvert/testkit';
import { atMost, atMostUsableKeys, NOTHING_LEFT } from './spec/race-invariants.js';
import {
  byKey,
  byPerson,
  byProgram,
  changePassword,
  createKey,
  demote,
  leave,
  previewToken,
  remove,
  removeAndEnd,
  resetPassword,
  revokeKey,
  rotate,
  shareLink,
  signIn,
} from './spec/race-operations.js';
import { describeRaces, type Pair } from './spec/races.js';

const ADMIN_KEY: readonly Scope[] = ['keys:write', 'team:write', 'tunnel'];

const PAIRS: readonly Pair[] = [
  // Keys, and the person whose permissions they have
  { name: 'create a key / remove its maker', first: createKey(byPerson), second: remove },
  { name: 'create a key / demote its maker', first: createKey(byPerson, ADMIN_KEY), second: demote },
  { name: 'create a key / leave', first: createKey(byPerson), second: leave },
  { name: 'create a key by a program / remove its person', first: createKey(byProgram), second: remove },
  { name: 'rotate a key / remove its maker', first: rotate(byPerson), second: remove },
  { name: 'rotate a key by itself / leave', first: rotate(byKey), second: leave },
  // Keys, and the key that creates them
  { name: 'create a key by a key / revoke that key', first: createKey(byKey), second: revokeKey },
  { name: 'create a key by a key / rotate that key', first: createKey(byKey), second: rotate(byPerson) },
  {
    name: 'rotate a key / revoke it',
    first: rotate(byPerson),
    second: revokeKey,
    never: 'SELECT id FROM api_key WHERE team_id = ANY($1) AND revoked_at IS NULL AND replaces_id IS NULL',
  },
  {
    name: 'rotate a key / rotate it',
    first: rotate(byPerson),
    second: rotate(byKey),
    never: atMost('api_key', 2),
  },
  // Limits
  {
    name: 'create the last key / create the last key',
    first: createKey(byPerson, ['tunnel'], 2),
    second: createKey(byKey, ['tunnel'], 2),
    never: atMostUsableKeys(2),
  },
  {
    name: 'create the last key / rotate a key',
    first: createKey(byPerson, ['tunnel'], 2),
    second: rotate(byPerson, 60_000, 2),
    never: atMostUsableKeys(2),
  },
  {
    name: 'create the last link / create the last link',
    first: shareLink(1),
    second: shareLink(1),
    never: atMost('share_link', 1),
  },
  {
    name: 'create the last token / create the last token',
    first: previewToken(1),
    second: previewToken(1),
    never: atMost('preview_token', 1),
  },
  // Links and tokens, and the person who creates them
  {
    name: 'create a link / remove its maker with what they left',
    first: shareLink(),
    second: removeAndEnd,
    never: NOTHING_LEFT,
  },
  {
    name: 'create a token / remove its maker with what they left',
    first: previewToken(),
    second: removeAndEnd,
    never: NOTHING_LEFT,
  },
  // Browsers
  { name: 'sign in / set a new password', first: signIn, second: resetPassword },
  {
    name: 'change the password / set a new password',
    first: changePassword,
    second: resetPassword,
    never: `
      SELECT u.id FROM "user" u JOIN membership m ON m.user_id = u.id
      WHERE m.team_id = ANY($1) AND u.password_hash NOT IN ('old', 'new') `,
  },
];

describeRaces('two operations on credentials that meet', createTestDatabase, PAIRS);
