import type { Scope } from '../../api/me.js';
import { texts } from './texts.js';

/** Names and explanations of scopes for people. */
export const SCOPE_TEXTS: Readonly<Record<Scope, { readonly label: string; readonly about: string }>> = {
  tunnel: { label: texts.scopes.connectTrafficManagers, about: texts.scopes.connectTrafficManagersAbout },
  'previews:read': { label: texts.scopes.seePreviews, about: texts.scopes.seePreviewsAbout },
  'previews:write': {
    label: texts.scopes.changePreviews,
    about: texts.scopes.changePreviewsAbout,
  },
  'intercepts:read': { label: texts.scopes.seeIntercepts, about: texts.scopes.seeInterceptsAbout },
  'intercepts:write': { label: texts.scopes.changeIntercepts, about: texts.scopes.changeInterceptsAbout },
  'sessions:read': { label: texts.scopes.seeConnections, about: texts.scopes.seeConnectionsAbout },
  'sessions:write': {
    label: texts.scopes.changeConnections,
    about: texts.scopes.changeConnectionsAbout,
  },
  'keys:read': { label: texts.scopes.seeApiKeys, about: texts.scopes.seeApiKeysAbout },
  'keys:write': {
    label: texts.scopes.manageApiKeys,
    about: texts.scopes.manageApiKeysAbout,
  },
  'team:read': { label: texts.scopes.seeTeam, about: texts.scopes.seeTeamAbout },
  'team:write': { label: texts.scopes.manageTeam, about: texts.scopes.manageTeamAbout },
  'audit:read': { label: texts.scopes.readAuditLog, about: texts.scopes.readAuditLogAbout },
};
