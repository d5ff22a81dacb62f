import type { Scope } from './team.js';

/** Platforms whose tokens a workload identity accepts. `other`: any issuer of OpenID Connect. */
export const WORKLOAD_PLATFORMS = ['github', 'gitlab', 'other'] as const;
export type WorkloadPlatform = (typeof WORKLOAD_PLATFORMS)[number];

/**
 * Scopes that a workload identity can grant. Scopes that create credentials or change the team are missing: a job that
 * runs for minutes must not leave a key that works for years.
 */
export const WORKLOAD_SCOPES = [
  'tunnel',
  'previews:read',
  'previews:write',
  'intercepts:read',
  'intercepts:write',
  'sessions:read',
  'sessions:write',
] as const satisfies readonly Scope[];

/** Scopes of a workload identity whose creator names none: enough for previews of clusters and `culvert expose`. */
export const DEFAULT_WORKLOAD_SCOPES = [
  'tunnel',
  'previews:read',
  'previews:write',
  'sessions:read',
] as const satisfies readonly Scope[];
