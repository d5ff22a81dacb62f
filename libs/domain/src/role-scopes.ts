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

/** What people may do in a team, by their role there: what a key with these scopes may. */
const SCOPES_OF_ROLES: Readonly<Record<Role, readonly Scope[]>> = {
  member: MEMBER,
  admin: [...MEMBER, 'team:write', 'audit:read'],
  owner: SCOPES,
};

/** Culvert's own program for people's machines, as OAuth's `client_id`. */
export const CULVERT_CLIENT_ID = 'culvert';

/** What programs ask for that a person lets act for them: all that Telepresence needs. */
const TELEPRESENCE: readonly Scope[] = ['tunnel', 'previews:read', 'previews:write', 'keys:write'];

/** What programs other than Telepresence's ask for. `culvert` does what members do, other than managing the team. */
const API_PROGRAMS: ReadonlyMap<string, readonly Scope[]> = new Map([[CULVERT_CLIENT_ID, MEMBER]]);

export function scopesOfRole(role: Role): readonly Scope[] {
  return SCOPES_OF_ROLES[role];
}

/** What the program of this `client_id` may do for a person of this role: never more than they may. */
export function scopesOfProgram(clientId: string, role: Role): readonly Scope[] {
  const wanted = API_PROGRAMS.get(clientId) ?? TELEPRESENCE;
  return wanted.filter((scope) => SCOPES_OF_ROLES[role].includes(scope));
}

/** Whether tokens of this program are good for the API and native tunnels: those of Telepresence's are for its own calls. */
export function isApiProgram(clientId: string): boolean {
  return API_PROGRAMS.has(clientId);
}
