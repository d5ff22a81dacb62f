import type { Scope } from '../../api/me.js';

/** Names and explanations of scopes for people. */
export const SCOPE_TEXTS: Readonly<Record<Scope, { readonly label: string; readonly about: string }>> = {
  tunnel: { label: 'Connect traffic managers', about: 'For a traffic manager in a cluster.' },
  'previews:read': { label: 'See previews', about: 'List previews, and open private ones.' },
  'previews:write': {
    label: 'Change previews',
    about: 'Create, change, remove and share previews.',
  },
  'intercepts:read': { label: 'See intercepts', about: 'List intercepts and who made them.' },
  'intercepts:write': { label: 'Change intercepts', about: 'Create, change and remove intercepts.' },
  'sessions:read': { label: 'See connections', about: 'List traffic managers, sessions and their history.' },
  'sessions:write': {
    label: 'Change connections',
    about: 'End sessions; rename and delete traffic managers.',
  },
  'keys:read': { label: 'See API keys', about: 'List keys, but never the keys themselves.' },
  'keys:write': {
    label: 'Manage API keys',
    about: 'Create, rotate and revoke keys, without more scopes than its own.',
  },
  'team:read': { label: 'See the team', about: 'Members, invitations, limits and use.' },
  'team:write': { label: 'Manage the team', about: 'Settings, roles, members and invitations.' },
  'audit:read': { label: 'Read the audit log', about: 'See who did what, and when.' },
};
