import { queryOptions } from '@tanstack/react-query';
import { allPages } from '../../api/all-pages.js';
import { answerOf, api, type Schemas } from '../../api/client.js';
import { keyOf } from '../../api/keys.js';
import type { Tone } from '../../components/state-dot.js';

export type ApiKey = Schemas['ApiKey'];

/** Every key of the team, also those that work no more. */
export const apiKeys = () =>
  queryOptions({
    queryKey: keyOf('api-key', 'all'),
    queryFn: () => allPages<ApiKey>((query) => answerOf(api.GET('/api/v1/api-keys', { params: { query } }))),
  });

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
