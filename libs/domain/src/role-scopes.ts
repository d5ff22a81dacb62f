import { API_KEY_SCOPES, type ApiKeyScope } from './api-key.js';
import type { Role } from './team.js';

const MEMBER: readonly ApiKeyScope[] = [
  'tunnel',
  'previews:read',
  'previews:write',
  'intercepts:read',
  'intercepts:write',
  'sessions:read',
  'sessions:write',
  'keys:read',
  'keys:write',
  'team:read',
];

/** What people may do in a team, by their role there: what a key with these scopes may. */
const SCOPES: Readonly<Record<Role, readonly ApiKeyScope[]>> = {
  member: MEMBER,
  admin: [...MEMBER, 'team:write', 'audit:read'],
  owner: API_KEY_SCOPES,
};

/** What a program asks for that a person lets act for them: all that Telepresence needs. */
const PROGRAM: readonly ApiKeyScope[] = ['tunnel', 'previews:read', 'previews:write', 'keys:write'];

export function scopesOfRole(role: Role): readonly ApiKeyScope[] {
  return SCOPES[role];
}

/** What a program may do for a person of this role: never more than they may. */
export function scopesOfProgram(role: Role): readonly ApiKeyScope[] {
  return PROGRAM.filter((scope) => SCOPES[role].includes(scope));
}
