import type { Scope } from '../../api/me.js';

/** What a scope lets a key do, for people. */
export const SCOPE_TEXTS: Readonly<Record<Scope, { readonly label: string; readonly about: string }>> = {
  tunnel: { label: 'Connect traffic managers', about: 'What a traffic manager in a cluster needs.' },
  'previews:read': { label: 'See previews', about: 'Lists them, and opens private ones.' },
  'previews:write': {
    label: 'Change previews',
    about: 'Creates, changes and removes them, and shares them.',
  },
  'intercepts:read': { label: 'See intercepts', about: 'Lists what is intercepted, by whom.' },
  'intercepts:write': { label: 'Change intercepts', about: 'Describes, changes and removes them.' },
  'sessions:read': { label: 'See connections', about: 'Lists traffic managers, sessions and their history.' },
  'sessions:write': {
    label: 'Change connections',
    about: 'Ends sessions, renames and deletes traffic managers.',
  },
  'keys:read': { label: 'See API keys', about: 'Lists them; never the keys themselves.' },
  'keys:write': {
    label: 'Manage API keys',
    about: 'Creates, rotates and revokes keys that may do no more than it.',
  },
  'team:read': { label: 'See the team', about: 'Members, invitations, limits and use.' },
  'team:write': { label: 'Manage the team', about: 'Settings, roles, members and invitations.' },
  'audit:read': { label: 'Read the audit log', about: 'Who did what, and when.' },
};
