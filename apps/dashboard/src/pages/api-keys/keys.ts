import type { ApiKey } from '../../api/api-keys.js';
import type { Tone } from '../../components/state-dot.js';

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
  usable: { label: 'Works', tone: 'good' },
  expiring: { label: 'Expires soon', tone: 'waiting' },
  expired: { label: 'Expired', tone: 'off' },
  revoked: { label: 'Revoked', tone: 'off' },
};
