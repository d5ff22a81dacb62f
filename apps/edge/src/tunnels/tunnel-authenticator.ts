import type { IncomingMessage } from 'node:http';
import type { TrustedProxies } from '@culvert/relay';
import { plainAddress } from '@culvert/sockets';
import type { ApiKeyUse } from '@culvert/nest';
import {
  hashApiKeySecret,
  hashOAuthSecret,
  isAccessTokenShaped,
  isApiKeyUsable,
  isApiProgram,
  isPossibleApiKeySecret,
  scopesOfProgram,
  type Store,
  StoreUnavailableError,
} from '@culvert/domain';
import type { KnownManagers } from './known-managers.js';
import { StoreAbsence } from './store-absence.js';
import type { TunnelOwner } from './tunnel-credentials.js';

/** Reason why a tunnel is not accepted, as an HTTP response. */
export interface Refusal {
  readonly status: 401 | 403 | 503;
  readonly code: string;
  readonly detail: string;
}

/** A credential that the store has accepted. */
interface Accepted extends TunnelOwner {
  readonly expiresAt: Date | null;
}

const MAX_SECRET_LENGTH = 512;
const BEARER = /^Bearer +([\x21-\x7e]+)$/i;

/** Checks the key of a traffic manager, or the token of a program, before the WebSocket is accepted. */
export class TunnelAuthenticator {
  private readonly accepted = new WeakMap<IncomingMessage, TunnelOwner>();
  private readonly absence = new StoreAbsence();

  constructor(
    private readonly store: Store,
    private readonly apiKeyUse: Pick<ApiKeyUse, 'record'>,
    private readonly proxies: TrustedProxies,
    private readonly known: KnownManagers,
  ) {}

  /** Returns null if the request may become a tunnel; `ownerOf` then returns its owner. */
  async authenticate(request: IncomingMessage): Promise<Refusal | null> {
    const secret = BEARER.exec(request.headers.authorization ?? '')?.[1];
    if (secret === undefined || secret.length > MAX_SECRET_LENGTH) {
      return {
        status: 401,
        code: 'unauthenticated',
        detail: 'Send the API key as `Authorization: Bearer <key>`.',
      };
    }
    const found = await this.find(secret, request);
    if ('status' in found) return found;
    this.accepted.set(request, found);
    return null;
  }

  /** Returns the address of the traffic manager, or of the last untrusted proxy. */
  addressOf({ socket, headers }: IncomingMessage): string {
    // Node joins repeated fields with commas.
    const chain = headers['x-forwarded-for'] ?? '';
    return this.proxies.clientOf(plainAddress(socket.remoteAddress), String(chain));
  }

  ownerOf(request: IncomingMessage): TunnelOwner {
    const owner = this.accepted.get(request);
    if (!owner) throw new Error('a tunnel reached the gateway without authentication');
    return owner;
  }

  /** Asks the store, or, while that is away, the memory of this edge. */
  private async find(secret: string, request: IncomingMessage): Promise<TunnelOwner | Refusal> {
    const isToken = isAccessTokenShaped(secret);
    const hash = isToken ? hashOAuthSecret(secret) : hashApiKeySecret(secret);
    const { changes } = this.known;
    try {
      const found = await this.absence.ask(() =>
        isToken ? this.byAccessToken(hash) : this.byApiKey(secret, hash, request),
      );
      if ('status' in found) {
        this.known.forgetSecret(hash);
        return found;
      }
      const { expiresAt, ...owner } = found;
      this.known.rememberCredential(hash, owner, expiresAt, changes);
      return owner;
    } catch (error) {
      const owner = error instanceof StoreUnavailableError ? this.known.findOwner(hash) : null;
      if (owner === null) throw error;
      return { ...owner, uncheckedHash: hash };
    }
  }

  private async byApiKey(
    secret: string,
    hash: string,
    request: IncomingMessage,
  ): Promise<Accepted | Refusal> {
    const key = isPossibleApiKeySecret(secret) ? await this.store.apiKeys.findByHash(hash) : null;
    if (key === null || !isApiKeyUsable(key, new Date())) {
      return { status: 401, code: 'unauthenticated', detail: 'This API key is unknown, expired or revoked.' };
    }
    if (!key.scopes.includes('tunnel')) {
      return { status: 403, code: 'forbidden', detail: 'This API key lacks the scope `tunnel`.' };
    }
    this.apiKeyUse.record(key, this.addressOf(request));
    const { teamId, expiresAt } = key;
    return { teamId, credential: { kind: 'api-key', apiKeyId: key.id }, expiresAt };
  }

  private async byAccessToken(hash: string): Promise<Accepted | Refusal> {
    const owner = await this.store.programs.findByAccessTokenHash(hash, new Date());
    if (owner === null || !isApiProgram(owner.program.clientId)) {
      return { status: 401, code: 'unauthenticated', detail: 'This access token is unknown or expired.' };
    }
    const { program, user, role, expiresAt } = owner;
    if (!scopesOfProgram(program.clientId, role).includes('tunnel')) {
      return { status: 403, code: 'forbidden', detail: 'This sign-in lacks the scope `tunnel`.' };
    }
    return {
      teamId: program.teamId,
      credential: { kind: 'program', programId: program.id, userId: user.id },
      expiresAt,
    };
  }
}
