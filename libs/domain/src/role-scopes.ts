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

/** Culvert's own program for people's machines, as OAuth's `client_id`. */
export const CULVERT_CLIENT_ID = 'culvert';

/** What programs ask for that a person lets act for them: all that Telepresence needs. */
const TELEPRESENCE: readonly ApiKeyScope[] = ['tunnel', 'previews:read', 'previews:write', 'keys:write'];

/** What programs other than Telepresence's ask for. `culvert` does what members do, other than managing the team. */
const API_PROGRAMS: ReadonlyMap<string, readonly ApiKeyScope[]> = new Map([[CULVERT_CLIENT_ID, MEMBER]]);

export function scopesOfRole(role: Role): readonly ApiKeyScope[] {
  return SCOPES[role];
}

/** What the program of this `client_id` may do for a person of this role: never more than they may. */
export function scopesOfProgram(clientId: string, role: Role): readonly ApiKeyScope[] {
  const wanted = API_PROGRAMS.get(clientId) ?? TELEPRESENCE;
  return wanted.filter((scope) => SCOPES[role].includes(scope));
}

/** Whether tokens of this program are good for the API and native tunnels: those of Telepresence's are for its own calls. */
export function isApiProgram(clientId: string): boolean {
  return API_PROGRAMS.has(clientId);
}
