import { type Role, type Scope, SCOPES } from '@culvert/terms';

const MEMBER: readonly Scope[] = [
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

/** Scopes of people in a team, by their role: the same as those of a key. */
const SCOPES_OF_ROLES: Readonly<Record<Role, readonly Scope[]>> = {
  member: MEMBER,
  admin: [...MEMBER, 'team:write', 'audit:read'],
  owner: SCOPES,
};

/** OAuth `client_id` of Culvert's own program for people's machines. */
export const CULVERT_CLIENT_ID = 'culvert';

/** Scopes of programs that a person allowed: everything that Telepresence needs. */
const TELEPRESENCE: readonly Scope[] = ['tunnel', 'previews:read', 'previews:write', 'keys:write'];

/** Scopes of programs other than Telepresence's. `culvert` has those of members, except for managing the team. */
const API_PROGRAMS: ReadonlyMap<string, readonly Scope[]> = new Map([[CULVERT_CLIENT_ID, MEMBER]]);

export function scopesOfRole(role: Role): readonly Scope[] {
  return SCOPES_OF_ROLES[role];
}

/**
 * Returns the scopes of the program with this `client_id` for a person with this role: never more than the person has.
 */
export function scopesOfProgram(clientId: string, role: Role): readonly Scope[] {
  const wanted = API_PROGRAMS.get(clientId) ?? TELEPRESENCE;
  return wanted.filter((scope) => SCOPES_OF_ROLES[role].includes(scope));
}

/**
 * Reports whether tokens of this program work for the API and native tunnels: those of Telepresence's programs only
 * work for its own calls.
 */
export function isApiProgram(clientId: string): boolean {
  return API_PROGRAMS.has(clientId);
}
