import { Inject, Injectable } from '@nestjs/common';
import {
  ProblemError,
  type ApiKeyResource,
  type CreateApiKeyRequest,
  type CreatedApiKeyResource,
  type PageQuery,
  type RotateApiKeyRequest,
  type UpdateApiKeyRequest,
} from '@culvert/contract';
import {
  apiKeyHint,
  generateApiKeySecret,
  hashApiKeySecret,
  type Actor,
  type ApiKey,
  type Scope,
  type Page,
  type Store,
} from '@culvert/domain';
import { STORE } from '@culvert/nest';
import { AuditLog } from '../audit-events/audit-log.js';
import type { Caller } from '../../http/auth/caller.js';
import { Announcer } from '../../announcements/announcer.js';
import { MAX_API_KEYS, throwRefusal } from '../team-limits.js';

/** The creator of a key, which may not be the caller of the API. */
type Maker = Pick<Caller, 'teamId' | 'scopes' | 'actor' | 'apiKey' | 'authority'>;

@Injectable()
export class ApiKeysService {
  constructor(
    @Inject(STORE) private readonly store: Store,
    private readonly audit: AuditLog,
    private readonly announcer: Announcer,
  ) {}

  async create(caller: Maker, request: CreateApiKeyRequest): Promise<CreatedApiKeyResource> {
    const scopes = request.scopes ?? [...caller.scopes];
    refuseLacking(caller, scopes);
    const expiresAt = expiryOf(caller, request.expiresAt);
    const secret = generateApiKeySecret();
    const draft = { name: request.name, scopes, expiresAt, ...identityOf(secret) };
    const apiKey = await this.store.apiKeys
      .create(caller.teamId, draft, { by: caller.authority, max: MAX_API_KEYS })
      .catch(throwRefusal);
    const resource = toResource(apiKey);
    const after = { name: resource.name, scopes, expiresAt: resource.expiresAt };
    await this.audit.record(caller, 'api-key.create', apiKey, { after });
    return { ...resource, key: secret };
  }

  async list(caller: Caller, query: PageQuery): Promise<Page<ApiKeyResource>> {
    const page = await this.store.apiKeys.list(caller.teamId, query);
    return { ...page, items: page.items.map(toResource) };
  }

  async show(caller: Caller, id: string): Promise<ApiKeyResource> {
    return toResource(await this.find(caller, id));
  }

  async update(caller: Caller, id: string, { name }: UpdateApiKeyRequest): Promise<ApiKeyResource> {
    const before = await this.findOwn(caller, id);
    const after = name === undefined ? before : await this.store.apiKeys.rename(caller.teamId, id, name);
    if (after === null) throw notFound(id);
    await this.audit.recordChange(caller, 'api-key.update', after, { before, after, fields: ['name'] });
    return toResource(after);
  }

  /** Creates the new key as a row of its own, so that code that knows keys by ID does not need to handle rotation. */
  async rotate(caller: Caller, id: string, request: RotateApiKeyRequest): Promise<CreatedApiKeyResource> {
    const { teamId } = caller;
    const old = await this.findOwn(caller, id);
    if (old.createdByUserId !== null && old.createdByUserId !== creatorOf(caller)) {
      throw new ProblemError('insufficient_scope', {
        detail: 'you can revoke the key of another person, but not rotate it: the new key would be yours',
      });
    }
    refuseLacking(caller, old.scopes);
    const now = new Date();
    const secret = generateApiKeySecret();
    const expiresAt = expiryOf(caller, request.expiresAt, old.expiresAt);
    const oldExpiresAt = new Date(now.getTime() + request.overlapSeconds * 1000);
    const draft = { name: old.name, expiresAt, ...identityOf(secret) };
    const rotated = await this.store.apiKeys
      .replace(teamId, id, draft, { oldExpiresAt, now, by: caller.authority, max: MAX_API_KEYS })
      .catch(throwRefusal);
    if (rotated === 'maker')
      throw new ProblemError('api_key_not_usable', { detail: 'a key cannot rotate the key that made it' });
    if (rotated === null) throw new ProblemError('api_key_not_usable');
    const { apiKey, revokedApiKeyIds } = rotated;
    const after = { replacedBy: apiKey.id, expiresAt: oldExpiresAt.toISOString() };
    await this.announceRevoked(caller, id, revokedApiKeyIds);
    await this.audit.record(caller, 'api-key.rotate', old, { after });
    return { ...toResource(apiKey), key: secret };
  }

  async revoke(caller: Caller, id: string): Promise<void> {
    const { name } = await this.findOwn(caller, id);
    const revoked = await this.store.apiKeys.revoke(caller.teamId, id, new Date());
    if (revoked === null) throw notFound(id);
    const { revokedApiKeyIds } = revoked;
    await this.announceRevoked(caller, id, revokedApiKeyIds);
    if (revokedApiKeyIds.includes(id)) await this.audit.record(caller, 'api-key.revoke', { id, name });
  }

  /** Revokes every key of a person who sets a new password, in all of their teams. */
  async revokeAllOf(userId: string, actor: Actor): Promise<void> {
    const revoked = await this.store.apiKeys.revokeAllOf(userId, new Date());
    await this.announcer.announce(
      revoked.map(({ id }) => ({ type: 'api-key.revoked' as const, apiKeyId: id })),
    );
    for (const { id, teamId } of revoked) {
      const key = await this.store.apiKeys.find(teamId, id);
      await this.audit.record({ teamId, actor }, 'api-key.revoke', { id, name: key?.name ?? null });
    }
  }

  /** Makes the edges end what uses these keys, and records the keys that ended with the key of this ID. */
  private async announceRevoked(caller: Caller, id: string, revokedIds: readonly string[]): Promise<void> {
    await this.announcer.announce(
      revokedIds.map((apiKeyId) => ({ type: 'api-key.revoked' as const, apiKeyId })),
    );
    for (const madeBy of revokedIds.filter((revokedId) => revokedId !== id)) {
      const key = await this.store.apiKeys.find(caller.teamId, madeBy);
      const target = { id: madeBy, name: key?.name ?? null };
      await this.audit.record(caller, 'api-key.revoke', target, { after: { becauseOfApiKey: id } });
    }
  }

  /** Returns a key that this caller can change: without team:write, only their own. */
  private async findOwn(caller: Caller, id: string): Promise<ApiKey> {
    const apiKey = await this.find(caller, id);
    if (!caller.scopes.includes('team:write') && apiKey.createdByUserId !== creatorOf(caller)) {
      throw new ProblemError('insufficient_scope', {
        detail: 'keys of other people need the scope team:write',
      });
    }
    return apiKey;
  }

  private async find(caller: Caller, id: string): Promise<ApiKey> {
    const apiKey = await this.store.apiKeys.find(caller.teamId, id);
    if (apiKey === null) throw notFound(id);
    return apiKey;
  }
}

/** Returns the person with whose permissions the caller creates keys; null: the operator's. */
function creatorOf({ actor, apiKey }: Maker): string | null {
  return actor.kind === 'user' ? actor.id : (apiKey?.createdByUserId ?? null);
}

function refuseLacking(caller: Maker, scopes: readonly Scope[]): void {
  const lacking = scopes.filter((scope) => !caller.scopes.includes(scope));
  if (lacking.length === 0) return;
  throw new ProblemError('insufficient_scope', {
    detail: `a key cannot have scopes that its creator lacks: ${lacking.join(', ')}`,
  });
}

/** Returns what the store keeps of a new secret. */
function identityOf(secret: string) {
  return { hint: apiKeyHint(secret), hash: hashApiKeySecret(secret) };
}

/**
 * Returns when a new key ends: as requested, or else `otherwise`.
 * @throws ProblemError if that is later than the end of the key that creates it
 */
function expiryOf(
  { apiKey }: Maker,
  requested: string | null | undefined,
  otherwise: Date | null = null,
): Date | null {
  const latest = apiKey?.expiresAt ?? null;
  if (requested === undefined) return earlier(otherwise, latest);
  const wanted = requested === null ? null : new Date(requested);
  if (latest !== null && (wanted === null || wanted > latest)) {
    const message = `must not be later than ${latest.toISOString()}, when the key that creates it ends`;
    throw new ProblemError('validation_failed', { errors: [{ pointer: '/expiresAt', message }] });
  }
  return wanted;
}

/** Returns the earlier date. Null is later than any date. */
function earlier(a: Date | null, b: Date | null): Date | null {
  if (a === null || b === null) return a ?? b;
  return a < b ? a : b;
}

function notFound(id: string): ProblemError {
  return new ProblemError('not_found', { detail: `API key ${id} does not exist` });
}

function toResource({
  teamId: _teamId,
  workloadIdentityId: _none,
  scopes,
  ...apiKey
}: ApiKey): ApiKeyResource {
  return {
    ...apiKey,
    scopes: [...scopes],
    expiresAt: apiKey.expiresAt?.toISOString() ?? null,
    revokedAt: apiKey.revokedAt?.toISOString() ?? null,
    lastUsedAt: apiKey.lastUsedAt?.toISOString() ?? null,
    createdAt: apiKey.createdAt.toISOString(),
  };
}
