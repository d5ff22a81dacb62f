import type { Scope } from './me.js';
import { texts } from './texts.js';

export interface KeyPurpose {
  readonly label: string;
  readonly scopes: readonly Scope[];
}

/** Scopes of a traffic manager: its tunnel, and reports of the intercepts in its cluster. */
const MANAGER = [
  'tunnel',
  'sessions:read',
  'intercepts:read',
  'intercepts:write',
  'previews:read',
  'previews:write',
] as const satisfies readonly Scope[];

/** Common purposes of keys: the presets wherever a key can be created. */
export const KEY_PURPOSES = {
  manager: { label: texts.keyPurposes.trafficManager, scopes: MANAGER },
  // Its client creates a key of its own when it signs in with one.
  telepresence: { label: texts.keyPurposes.telepresence, scopes: [...MANAGER, 'keys:write'] },
  ci: {
    label: texts.keyPurposes.ciThatCreatesPreviews,
    scopes: ['previews:read', 'previews:write', 'intercepts:read', 'intercepts:write', 'sessions:read'],
  },
  read: {
    label: texts.keyPurposes.readOnly,
    scopes: ['previews:read', 'intercepts:read', 'sessions:read', 'keys:read', 'team:read'],
  },
} as const satisfies Readonly<Record<string, KeyPurpose>>;

export type KeyPurposeName = keyof typeof KEY_PURPOSES;
