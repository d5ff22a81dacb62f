import { Inject, Injectable } from '@nestjs/common';
import {
  ProblemError,
  type ApiKeyResource,
  type CreateApiKeyRequest,
  type CreatedApiKeyResource,
  type PageQuery,
  type UpdateApiKeyRequest,
} from '@culvert/contract';
import {
  apiKeyHint,
  generateApiKeySecret,
  hashApiKeySecret,
  type ApiKey,
  type Page,
  type Store,
} from '@culvert/domain';
import { STORE } from '@culvert/platform';
import { AuditLog } from '../audit-events/audit-log.js';
import type { Caller } from '../auth/caller.js';
import { Announcer } from '../cluster-events/announcer.js';

/** Who has a key made, which need not be the caller of the API. */
type Maker = Pick<Caller, 'teamId' | 'scopes' | 'actor'>;

@Injectable()
export class ApiKeysService {
  constructor(
    @Inject(STORE) private readonly store: Store,
    private readonly audit: AuditLog,
    private readonly announcer: Announcer,
  ) {}

  async create(caller: Maker, request: CreateApiKeyRequest): Promise<CreatedApiKeyResource> {
    const scopes = request.scopes ?? [...caller.scopes];
    const lacking = scopes.filter((scope) => !caller.scopes.includes(scope));
    if (lacking.length > 0) {
      throw new ProblemError('insufficient_scope', {
        detail: `a key cannot hand on scopes that it lacks: ${lacking.join(', ')}`,
      });
    }
    const secret = generateApiKeySecret();
    const apiKey = await this.store.apiKeys.create(caller.teamId, {
      name: request.name,
      hint: apiKeyHint(secret),
      hash: hashApiKeySecret(secret),
      scopes,
      expiresAt: request.expiresAt === null ? null : new Date(request.expiresAt),
    });
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
    const before = await this.#find(caller, id);
    const after = name === undefined ? before : await this.store.apiKeys.rename(caller.teamId, id, name);
    if (after === null) throw notFound(id);
    await this.audit.recordChange(caller, 'api-key.update', id, { before, after, fields: ['name'] });
    return toResource(after);
  }

  async revoke(caller: Caller, id: string): Promise<void> {
    const before = await this.#find(caller, id);
    if ((await this.store.apiKeys.revoke(caller.teamId, id, new Date())) === null) throw notFound(id);
    // Announced each time: repeating a revocation is how a person makes sure of it.
    await this.announcer.announce([{ type: 'api-key.revoked', apiKeyId: id }]);
    if (before.revokedAt === null) await this.audit.record(caller, 'api-key.revoke', id);
  }

  async #find(caller: Caller, id: string): Promise<ApiKey> {
    const apiKey = await this.store.apiKeys.find(caller.teamId, id);
    if (apiKey === null) throw notFound(id);
    return apiKey;
  }
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
