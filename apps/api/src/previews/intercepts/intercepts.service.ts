import { Inject, Injectable } from '@nestjs/common';
import {
  ProblemError,
  type CreateInterceptRequest,
  type InterceptQuery,
  type InterceptResource,
  type UpdateInterceptRequest,
} from '@culvert/contract';
import type { Intercept, Page, Store } from '@culvert/domain';
import { STORE } from '@culvert/nest';
import { newInterceptId, PreviewRules } from '@culvert/previews';
import { AuditLog } from '../../team/audit-events/audit-log.js';
import type { Caller } from '../../http/auth/caller.js';
import { Announcer } from '../../announcements/announcer.js';
import { TrafficManagersService } from '../../managers/traffic-managers.service.js';

const PAGE_SIZE = 200;

@Injectable()
export class InterceptsService {
  constructor(
    @Inject(STORE) private readonly store: Store,
    private readonly audit: AuditLog,
    private readonly announcer: Announcer,
    private readonly rules: PreviewRules,
    private readonly trafficManagers: TrafficManagersService,
  ) {}

  async create(caller: Caller, request: CreateInterceptRequest): Promise<InterceptResource> {
    const trafficManagerId = await this.trafficManagers.resolveId(caller, request.trafficManagerId);
    const draft = { ...request, trafficManagerId };
    const intercept = await this.store.intercepts.create(caller.teamId, newInterceptId(request.name), draft);
    if (intercept === null) {
      throw new ProblemError('not_found', { detail: `traffic manager ${trafficManagerId} does not exist` });
    }
    await this.audit.record(caller, 'intercept.create', intercept, { after: draft });
    return toResource(intercept);
  }

  async list(caller: Caller, { limit, cursor, ...filter }: InterceptQuery): Promise<Page<InterceptResource>> {
    const page = await this.store.intercepts.list(caller.teamId, filter, { limit, cursor });
    return { ...page, items: page.items.map(toResource) };
  }

  async show(caller: Caller, id: string): Promise<InterceptResource> {
    return toResource(await this.find(caller, id));
  }

  async update(caller: Caller, id: string, request: UpdateInterceptRequest): Promise<InterceptResource> {
    const before = await this.find(caller, id);
    const after = await this.store.intercepts.update(caller.teamId, id, request);
    if (after === null) throw notFound(id);
    await this.announcer.previewsChanged(await this.hostnames(caller, id));
    const fields = Object.keys(request) as (keyof UpdateInterceptRequest)[];
    await this.audit.recordChange(caller, 'intercept.update', after, { before, after, fields });
    return toResource(after);
  }

  async remove(caller: Caller, id: string): Promise<void> {
    const intercept = await this.find(caller, id);
    if (!(await this.rules.removeIntercept(caller, intercept))) throw notFound(id);
  }

  /** @throws ProblemError `not_found` if the caller's team has no such intercept. */
  async find(caller: Caller, id: string): Promise<Intercept> {
    const intercept = await this.store.intercepts.find(caller.teamId, id);
    if (intercept === null) throw notFound(id);
    return intercept;
  }

  private async hostnames({ teamId }: Caller, interceptId: string): Promise<string[]> {
    const hostnames: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await this.store.previews.list(teamId, { interceptId }, { limit: PAGE_SIZE, cursor });
      hostnames.push(...page.items.map(({ hostname }) => hostname));
      cursor = page.nextCursor ?? undefined;
    } while (cursor !== undefined);
    return hostnames;
  }
}

function notFound(id: string): ProblemError {
  return new ProblemError('not_found', { detail: `intercept ${id} does not exist` });
}

function toResource({ teamId: _teamId, removedPreview, ...intercept }: Intercept): InterceptResource {
  return {
    ...intercept,
    mechanismArgs: [...intercept.mechanismArgs],
    metadata: { ...intercept.metadata },
    headers: { ...intercept.headers },
    removedPreview: removedPreview && { hostname: removedPreview.hostname },
    createdAt: intercept.createdAt.toISOString(),
    updatedAt: intercept.updatedAt.toISOString(),
  };
}
