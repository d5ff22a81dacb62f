import type { ApiKey } from '../../api/api-keys.js';
import type { Tone } from '../../components/state-dot.js';
import { texts } from './texts.js';

const SOON_MS = 7 * 24 * 60 * 60 * 1000;

export type KeyState = 'usable' | 'expiring' | 'expired' | 'revoked';

export function stateOfKey({ revokedAt, expiresAt }: ApiKey, now: number): KeyState {
  if (revokedAt !== null) return 'revoked';
  if (expiresAt === null) return 'usable';
  const left = Date.parse(expiresAt) - now;
  if (left <= 0) return 'expired';
  return left < SOON_MS ? 'expiring' : 'usable';
}

export const KEY_STATES: Readonly<Record<KeyState, { readonly label: string; readonly tone: Tone }>> = {
  usable: { label: texts.keys.works, tone: 'good' },
  expiring: { label: texts.keys.expiresSoon, tone: 'waiting' },
  expired: { label: texts.keys.expired, tone: 'off' },
  revoked: { label: texts.keys.revoked, tone: 'off' },
};
