import type { IncomingMessage } from 'node:http';
import { plainAddress, type TrustedProxies } from '@culvert/relay';
import type { ApiKeyUse } from '@culvert/platform';
import {
  type ApiKey,
  hashApiKeySecret,
  isApiKeyUsable,
  isPossibleApiKeySecret,
  type Store,
} from '@culvert/domain';

/** Why a tunnel is not accepted, as an HTTP answer. */
export interface Refusal {
  readonly status: 401 | 403 | 503;
  readonly code: string;
  readonly detail: string;
}

const MAX_SECRET_LENGTH = 512;
const BEARER = /^Bearer +([\x21-\x7e]+)$/i;

/** Checks the key of a traffic manager before its WebSocket is accepted. */
export class TunnelAuthenticator {
  private readonly accepted = new WeakMap<IncomingMessage, ApiKey>();

  constructor(
    private readonly store: Store,
    private readonly apiKeyUse: Pick<ApiKeyUse, 'record'>,
    private readonly proxies: TrustedProxies,
  ) {}

  /** Null when the request may become a tunnel; `keyOf` tells whose it is. */
  async authenticate(request: IncomingMessage): Promise<Refusal | null> {
    const secret = BEARER.exec(request.headers.authorization ?? '')?.[1];
    if (secret === undefined || secret.length > MAX_SECRET_LENGTH) {
      return {
        status: 401,
        code: 'unauthenticated',
        detail: 'Send the API key as `Authorization: Bearer <key>`.',
      };
    }
    const key = isPossibleApiKeySecret(secret)
      ? await this.store.apiKeys.findByHash(hashApiKeySecret(secret))
      : null;
    if (key === null || !isApiKeyUsable(key, new Date())) {
      return { status: 401, code: 'unauthenticated', detail: 'This API key is unknown, expired or revoked.' };
    }
    if (!key.scopes.includes('tunnel')) {
      return { status: 403, code: 'forbidden', detail: 'This API key lacks the scope `tunnel`.' };
    }
    this.accepted.set(request, key);
    this.apiKeyUse.record(key, this.addressOf(request));
    return null;
  }

  /** Where the traffic manager is, or the last proxy that nobody vouches for. */
  addressOf({ socket, headers }: IncomingMessage): string {
    // Node joins a repeated one with commas.
    const chain = headers['x-forwarded-for'] ?? '';
    return this.proxies.clientOf(plainAddress(socket.remoteAddress), String(chain));
  }

  keyOf(request: IncomingMessage): ApiKey {
    const key = this.accepted.get(request);
    if (!key) throw new Error('a tunnel reached the gateway without authentication');
    return key;
  }
}
