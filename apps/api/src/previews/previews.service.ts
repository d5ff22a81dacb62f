import { Inject, Injectable } from '@nestjs/common';
import {
  ProblemError,
  type CreatePreviewRequest,
  type PreviewQuery,
  type PreviewResource,
  type UpdatePreviewRequest,
} from '@culvert/contract';
import {
  generatePreviewLabel,
  HostnameTakenError,
  type Page,
  type Preview,
  type PreviewChange,
  type PreviewDraft,
  type PullRequestComment,
  type Store,
  TeamLimitError,
} from '@culvert/domain';
import { SETTINGS, STORE } from '@culvert/nest';
import type { Settings } from '@culvert/runtime';
import { AuditLog } from '../audit-events/audit-log.js';
import type { Caller } from '../auth/caller.js';
import { Announcer } from '../cluster-events/announcer.js';
import { InterceptsService, newInterceptId } from '../intercepts/intercepts.service.js';
import { PullRequestComments } from '../pull-requests/pull-request-comments.js';
import { TrafficManagersService } from '../traffic-managers/traffic-managers.service.js';
import { auditedPreview, targetOfPreview, toPreviewResource } from './preview.resource.js';

/** With 82 random bits even one collision says that the random source is broken. */
const HOSTNAME_ATTEMPTS = 3;

@Injectable()
export class PreviewsService {
  constructor(
    @Inject(STORE) private readonly store: Store,
    @Inject(SETTINGS) private readonly settings: Settings,
    private readonly audit: AuditLog,
    private readonly announcer: Announcer,
    private readonly intercepts: InterceptsService,
    private readonly trafficManagers: TrafficManagersService,
    private readonly pullRequestComments: PullRequestComments,
  ) {}

  async create(caller: Caller, request: CreatePreviewRequest): Promise<PreviewResource> {
    const insert = await this.#insertOf(caller, request);
    const preview = await this.#withNewHostname((hostname) => insert({ ...toFields(request), hostname }));
    // Edges remember for a while that a hostname is unknown.
    await this.announcer.previewsChanged([preview.hostname]);
    const { teamId, interceptId } = preview;
    if (request.intercept !== undefined)
      this.announcer.changed({ teamId, resource: 'intercept', id: interceptId, change: 'created' });
    const resource = await this.#toResource(preview);
    await this.audit.record(caller, 'preview.create', targetOfPreview(preview), {
      after: auditedPreview(resource),
    });
    return resource;
  }

  async list(
    caller: Caller,
    { limit, cursor, state, ...filter }: PreviewQuery,
  ): Promise<Page<PreviewResource>> {
    const isConnected = state === undefined ? undefined : state === 'connected';
    const page = await this.store.previews.list(caller.teamId, { ...filter, isConnected }, { limit, cursor });
    return { ...page, items: await this.#toResources(caller.teamId, page.items) };
  }

  async show(caller: Caller, id: string): Promise<PreviewResource> {
    return this.#toResource(await this.find(caller, id));
  }

  async update(caller: Caller, id: string, request: UpdatePreviewRequest): Promise<PreviewResource> {
    const before = await this.#toResource(await this.find(caller, id));
    const preview = await this.store.previews.update(caller.teamId, id, toChange(request));
    if (preview === null) throw this.notFound(id);
    await this.announcer.previewsChanged([preview.hostname]);
    const after = await this.#toResource(preview);
    await this.audit.recordChange(caller, 'preview.update', targetOfPreview(preview), {
      before: auditedPreview(before),
      after: auditedPreview(after),
      fields: Object.keys(request) as (keyof UpdatePreviewRequest)[],
    });
    return after;
  }

  async remove(caller: Caller, id: string): Promise<void> {
    const preview = await this.store.previews.remove(caller.teamId, id);
    if (preview === null) throw this.notFound(id);
    await this.announcer.previewsRemoved([preview]);
    const before = auditedPreview(await this.#toResource(preview));
    await this.audit.record(caller, 'preview.delete', targetOfPreview(preview), { before });
    this.#interceptChanged(preview);
  }

  /** Brings back the preview that was removed here while its traffic manager went on showing it. */
  async restore(caller: Caller, interceptId: string): Promise<PreviewResource> {
    await this.intercepts.find(caller, interceptId);
    const preview = await this.#restored(caller, interceptId);
    if (preview === null) {
      throw new ProblemError('not_found', {
        detail: `intercept ${interceptId} has no removed preview to restore`,
      });
    }
    await this.announcer.previewsChanged([preview.hostname]);
    const resource = await this.#toResource(preview);
    await this.audit.record(caller, 'preview.restore', targetOfPreview(preview), {
      after: auditedPreview(resource),
    });
    this.#interceptChanged(preview);
    return resource;
  }

  async #restored({ teamId }: Caller, interceptId: string): Promise<Preview | null> {
    try {
      return await this.store.previews.restore(teamId, interceptId, this.settings.limits.maxPreviewsPerTeam);
    } catch (error) {
      if (error instanceof TeamLimitError) throw limitReached(error);
      // Another intercept got the hostname meanwhile.
      if (error instanceof HostnameTakenError) return null;
      throw error;
    }
  }

  /** Whether the intercept has a removed preview to restore is another matter now. */
  #interceptChanged({ teamId, interceptId }: Preview): void {
    this.announcer.changed({ teamId, resource: 'intercept', id: interceptId, change: 'updated' });
  }

  /** How this preview is put into the store, once it has a hostname: with its intercept, or to one that exists. */
  async #insertOf(
    caller: Caller,
    { intercept, interceptId, trafficManagerId }: CreatePreviewRequest,
  ): Promise<(draft: Omit<PreviewDraft, 'interceptId'>) => Promise<Preview | null>> {
    const { teamId } = caller;
    const maxPreviews = this.settings.limits.maxPreviewsPerTeam;
    if (interceptId !== undefined) {
      const existing = await this.intercepts.find(caller, interceptId);
      if (trafficManagerId !== undefined && trafficManagerId !== existing.trafficManagerId) {
        throw new ProblemError('validation_failed', {
          errors: [{ pointer: '/trafficManagerId', message: 'is not the traffic manager of the intercept' }],
        });
      }
      return (draft) => this.store.previews.create(teamId, { ...draft, interceptId }, maxPreviews);
    }
    if (intercept === undefined)
      throw new Error('the schema lets neither intercept nor interceptId be absent');
    const resolvedId = await this.trafficManagers.resolveId(caller, trafficManagerId);
    const newId = newInterceptId(intercept.name);
    return (draft) =>
      this.store.previews.createWithIntercept(
        teamId,
        newId,
        { ...intercept, trafficManagerId: resolvedId },
        draft,
        maxPreviews,
      );
  }

  async #withNewHostname(insert: (hostname: string) => Promise<Preview | null>): Promise<Preview> {
    for (let attempt = 1; ; attempt++) {
      try {
        const preview = await insert(`${generatePreviewLabel()}.${this.settings.public.previewDomain}`);
        if (preview !== null) return preview;
        // It was there a moment ago.
        throw new ProblemError('not_found', {
          detail: 'the traffic manager or intercept does not exist any more',
        });
      } catch (error) {
        if (error instanceof TeamLimitError) throw limitReached(error);
        if (!(error instanceof HostnameTakenError) || attempt === HOSTNAME_ATTEMPTS) throw error;
      }
    }
  }

  /** @throws ProblemError when the caller's team has no such preview */
  async find(caller: Caller, id: string): Promise<Preview> {
    const preview = await this.findOrNull(caller, id);
    if (preview === null) throw this.notFound(id);
    return preview;
  }

  findOrNull({ teamId }: Pick<Caller, 'teamId'>, id: string): Promise<Preview | null> {
    return this.store.previews.find(teamId, id);
  }

  notFound(id: string): ProblemError {
    return new ProblemError('not_found', { detail: `there is no preview ${id}` });
  }

  async #toResource(preview: Preview): Promise<PreviewResource> {
    const [resource] = await this.#toResources(preview.teamId, [preview]);
    if (resource === undefined) throw this.notFound(preview.id);
    return resource;
  }

  async #toResources(teamId: string, previews: readonly Preview[]): Promise<PreviewResource[]> {
    const commented = previews.filter(({ pullRequestUrl }) => pullRequestUrl !== null);
    const comments =
      commented.length === 0
        ? []
        : await this.store.pullRequestComments.findByPreviews(
            teamId,
            commented.map(({ id }) => id),
          );
    const intercepts = await this.store.intercepts.findMany(teamId, [
      ...new Set(previews.map(({ interceptId }) => interceptId)),
    ]);
    const interceptsById = new Map(intercepts.map((intercept) => [intercept.id, intercept]));
    return previews.flatMap((preview) => {
      const intercept = interceptsById.get(preview.interceptId);
      // Removed since the preview was read, and the preview with it.
      if (intercept === undefined) return [];
      const comment = comments.find(
        ({ previewId, pullRequestUrl }) =>
          previewId === preview.id && pullRequestUrl === preview.pullRequestUrl,
      );
      return [toPreviewResource(preview, intercept, this.settings, this.#pullRequestOf(preview, comment))];
    });
  }

  #pullRequestOf(
    { pullRequestUrl }: Preview,
    comment: PullRequestComment | undefined,
  ): PreviewResource['pullRequest'] {
    if (pullRequestUrl === null) return null;
    if (!this.pullRequestComments.supports(pullRequestUrl)) {
      return { status: 'unsupported', detail: null, commentUrl: null };
    }
    const { status, detail, commentUrl } = comment ?? { status: 'pending', detail: null, commentUrl: null };
    return { status, detail, commentUrl };
  }
}

function limitReached(error: TeamLimitError): ProblemError {
  return new ProblemError('preview_limit_reached', { detail: `a team may have ${error.max} previews` });
}

function toFields(request: CreatePreviewRequest): Omit<PreviewDraft, 'interceptId' | 'hostname'> {
  const { intercept: _intercept, interceptId: _interceptId, trafficManagerId: _id, ...fields } = request;
  return { ...fields, expiresAt: toDate(fields.expiresAt) };
}

function toChange({ expiresAt, ...change }: UpdatePreviewRequest): PreviewChange {
  return { ...change, ...(expiresAt === undefined ? {} : { expiresAt: toDate(expiresAt) }) };
}

function toDate(timestamp: string | null): Date | null {
  return timestamp === null ? null : new Date(timestamp);
}
