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
  type ApiKey,
  type ApiKeyDraft,
  type ApiKeyScope,
  type Page,
  type Store,
} from '@culvert/domain';
import { STORE } from '@culvert/platform';
import { AuditLog } from '../audit-events/audit-log.js';
import type { Caller } from '../auth/caller.js';
import { Announcer } from '../cluster-events/announcer.js';
import { throwLimitProblem, MAX_API_KEYS } from '../team/team-limits.js';

/** Who has a key made, which need not be the caller of the API. */
type Maker = Pick<Caller, 'teamId' | 'scopes' | 'actor'> & Partial<Pick<Caller, 'apiKey'>>;

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
    const secret = generateApiKeySecret();
    const draft = draftOf(caller, secret, {
      name: request.name,
      scopes,
      expiresAt: toDate(request.expiresAt),
    });
    const apiKey = await this.store.apiKeys
      .create(caller.teamId, draft, MAX_API_KEYS)
      .catch(throwLimitProblem);
    const resource = toResource(apiKey);
    const { name, expiresAt } = resource;
    await this.audit.record(caller, 'api-key.create', apiKey.id, { after: { name, scopes, expiresAt } });
    return { ...resource, key: secret };
  }

  async list(caller: Caller, query: PageQuery): Promise<Page<ApiKeyResource>> {
    const page = await this.store.apiKeys.list(caller.teamId, query);
    return { ...page, items: page.items.map(toResource) };
  }

  async show(caller: Caller, id: string): Promise<ApiKeyResource> {
    return toResource(await this.#find(caller, id));
  }

  async update(caller: Caller, id: string, { name }: UpdateApiKeyRequest): Promise<ApiKeyResource> {
    const before = await this.#findOwn(caller, id);
    const after = name === undefined ? before : await this.store.apiKeys.rename(caller.teamId, id, name);
    if (after === null) throw notFound(id);
    await this.audit.recordChange(caller, 'api-key.update', id, { before, after, fields: ['name'] });
    return toResource(after);
  }

  /** The new key has a row of its own, so that everything that knows keys by id needs to know nothing of rotation. */
  async rotate(caller: Caller, id: string, request: RotateApiKeyRequest): Promise<CreatedApiKeyResource> {
    const { teamId } = caller;
    const old = await this.#findOwn(caller, id);
    refuseLacking(caller, old.scopes);
    const now = new Date();
    const secret = generateApiKeySecret();
    const expiresAt = request.expiresAt === undefined ? old.expiresAt : toDate(request.expiresAt);
    const draft = {
      ...draftOf(caller, secret, { name: old.name, scopes: old.scopes, expiresAt }),
      createdByUserId: old.createdByUserId,
    };
    const oldExpiresAt = new Date(now.getTime() + request.overlapSeconds * 1000);
    const apiKey = await this.store.apiKeys.replace(teamId, id, draft, { oldExpiresAt, now });
    if (apiKey === null) throw new ProblemError('api_key_not_usable');
    if (request.overlapSeconds === 0) {
      await this.store.apiKeys.revoke(teamId, id, now);
      await this.announcer.announce([{ type: 'api-key.revoked', apiKeyId: id }]);
    }
    const after = { replacedBy: apiKey.id, expiresAt: oldExpiresAt.toISOString() };
    await this.audit.record(caller, 'api-key.rotate', id, { after });
    return { ...toResource(apiKey), key: secret };
  }

  async revoke(caller: Caller, id: string): Promise<void> {
    await this.#findOwn(caller, id);
    const at = new Date();
    const revoked = await this.store.apiKeys.revoke(caller.teamId, id, at);
    if (revoked === null) throw notFound(id);
    if (revoked.revokedAt?.getTime() !== at.getTime()) return;
    await this.announcer.announce([{ type: 'api-key.revoked', apiKeyId: id }]);
    await this.audit.record(caller, 'api-key.revoke', id);
  }

  /** A key that this caller may change: whoever may not change the team has power over their own keys only. */
  async #findOwn(caller: Caller, id: string): Promise<ApiKey> {
    const apiKey = await this.#find(caller, id);
    if (!caller.scopes.includes('team:write') && apiKey.createdByUserId !== creatorOf(caller)) {
      throw new ProblemError('insufficient_scope', { detail: 'keys of others need the scope team:write' });
    }
    return apiKey;
  }

  async #find(caller: Caller, id: string): Promise<ApiKey> {
    const apiKey = await this.store.apiKeys.find(caller.teamId, id);
    if (apiKey === null) throw notFound(id);
    return apiKey;
  }
}

/** The person by whose power the caller makes keys; null: the operator's. */
function creatorOf({ actor, apiKey }: Maker): string | null {
  return actor.kind === 'user' ? actor.id : (apiKey?.createdByUserId ?? null);
}

function refuseLacking(caller: Maker, scopes: readonly ApiKeyScope[]): void {
  const lacking = scopes.filter((scope) => !caller.scopes.includes(scope));
  if (lacking.length === 0) return;
  throw new ProblemError('insufficient_scope', {
    detail: `a key cannot hand on scopes that its maker lacks: ${lacking.join(', ')}`,
  });
}

function draftOf(
  caller: Maker,
  secret: string,
  key: Pick<ApiKeyDraft, 'name' | 'scopes' | 'expiresAt'>,
): ApiKeyDraft {
  return {
    ...key,
    hint: apiKeyHint(secret),
    hash: hashApiKeySecret(secret),
    createdByUserId: creatorOf(caller),
    createdByApiKeyId: caller.apiKey?.id ?? null,
  };
}

function toDate(timestamp: string | null): Date | null {
  return timestamp === null ? null : new Date(timestamp);
}

function notFound(id: string): ProblemError {
  return new ProblemError('not_found', { detail: `there is no API key ${id}` });
}

function toResource({ teamId: _teamId, scopes, ...apiKey }: ApiKey): ApiKeyResource {
  return {
    ...apiKey,
    scopes: [...scopes],
    expiresAt: apiKey.expiresAt?.toISOString() ?? null,
    revokedAt: apiKey.revokedAt?.toISOString() ?? null,
    lastUsedAt: apiKey.lastUsedAt?.toISOString() ?? null,
    createdAt: apiKey.createdAt.toISOString(),
  };
}
