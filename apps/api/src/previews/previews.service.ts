import { Inject, Injectable } from '@nestjs/common';
import {
  ProblemError,
  type CreatePreviewRequest,
  type PreviewQuery,
  type PreviewResource,
  type UpdatePreviewRequest,
} from '@culvert/contract';
import type { KeepSetting, Page, Preview, PreviewChange, PullRequestComment, Store } from '@culvert/domain';
import { SETTINGS, STORE } from '@culvert/nest';
import { type MadePreview, PreviewRules } from '@culvert/previews';
import type { Settings } from '@culvert/runtime';
import type { Caller } from '../http/auth/caller.js';
import { InterceptsService } from './intercepts/intercepts.service.js';
import { PullRequestComments } from './pull-requests/pull-request-comments.js';
import { TrafficManagersService } from '../managers/traffic-managers.service.js';
import { type InterceptOfPreview, toPreviewResource } from './preview.resource.js';

/**
 * Operations on previews for people and programs of the API: the rules, with the responses and problems of the
 * contract.
 */
@Injectable()
export class PreviewsService {
  constructor(
    @Inject(STORE) private readonly store: Store,
    @Inject(SETTINGS) private readonly settings: Settings,
    private readonly rules: PreviewRules,
    private readonly intercepts: InterceptsService,
    private readonly trafficManagers: TrafficManagersService,
    private readonly pullRequestComments: PullRequestComments,
  ) {}

  async create(caller: Caller, request: CreatePreviewRequest): Promise<PreviewResource> {
    const { intercept, interceptId, trafficManagerId, ...fields } = request;
    await this.demandKeeping(caller, fields.keep);
    const draft = { ...fields, expiresAt: toDate(fields.expiresAt) };
    if (interceptId !== undefined) {
      const existing = await this.intercepts.find(caller, interceptId);
      if (trafficManagerId !== undefined && trafficManagerId !== existing.trafficManagerId) {
        throw new ProblemError('validation_failed', {
          errors: [{ pointer: '/trafficManagerId', message: 'is not the traffic manager of the intercept' }],
        });
      }
      return this.made(await this.rules.create(caller, interceptId, draft), existing);
    }
    if (intercept === undefined)
      throw new Error('the schema lets neither intercept nor interceptId be absent');
    const resolvedId = await this.trafficManagers.resolveId(caller, trafficManagerId);
    const made = await this.rules.createWithIntercept(
      caller,
      { ...intercept, trafficManagerId: resolvedId },
      draft,
    );
    return this.made(made, intercept);
  }

  async list(
    caller: Caller,
    { limit, cursor, state, ...filter }: PreviewQuery,
  ): Promise<Page<PreviewResource>> {
    const isConnected = state === undefined ? undefined : state === 'connected';
    const page = await this.store.previews.list(caller.teamId, { ...filter, isConnected }, { limit, cursor });
    return { ...page, items: await this.toResources(caller.teamId, page.items) };
  }

  async show(caller: Caller, id: string): Promise<PreviewResource> {
    return this.toResource(await this.find(caller, id));
  }

  async update(caller: Caller, id: string, request: UpdatePreviewRequest): Promise<PreviewResource> {
    await this.demandKeeping(caller, request.keep);
    const preview = await this.rules.update(caller, id, toChange(request));
    if (preview === null) throw this.notFound(id);
    return this.toResource(preview);
  }

  async remove(caller: Caller, id: string): Promise<void> {
    if ((await this.rules.remove(caller, id)) === null) throw this.notFound(id);
  }

  /** Restores the preview that was removed here while its traffic manager still showed it. */
  async restore(caller: Caller, interceptId: string): Promise<PreviewResource> {
    const intercept = await this.intercepts.find(caller, interceptId);
    const restored = await this.rules.restore(caller, interceptId);
    if (!restored.ok && restored.reason === 'not-found') {
      throw new ProblemError('not_found', {
        detail: `intercept ${interceptId} has no removed preview to restore`,
      });
    }
    return this.made(restored, intercept);
  }

  /** @throws ProblemError if the server or the team's policy does not allow exchanges to be kept in this way */
  private async demandKeeping({ teamId }: Caller, keep: KeepSetting | null | undefined): Promise<void> {
    if (keep === null || keep === undefined) return;
    if (this.settings.encryptionKeys.length === 0) throw new ProblemError('keeping_not_available');
    const policy = (await this.store.teams.find(teamId))?.keepPolicy ?? null;
    if (policy === null) throw new ProblemError('keeping_not_allowed');
    const { maxCount, maxHours } = policy;
    const errors = [
      ...(keep.count > maxCount
        ? [{ pointer: '/keep/count', message: `must be at most ${maxCount}, as the policy of the team says` }]
        : []),
      ...(keep.hours > maxHours
        ? [{ pointer: '/keep/hours', message: `must be at most ${maxHours}, as the policy of the team says` }]
        : []),
    ];
    if (errors.length > 0) throw new ProblemError('validation_failed', { errors });
  }

  /** Returns the resource of a new preview without reading again what was just written. */
  private async made(made: MadePreview, intercept: InterceptOfPreview): Promise<PreviewResource> {
    if (made.ok) return this.resourceOf(made.preview, intercept, await this.commentsOn([made.preview]));
    if (made.reason === 'limit-reached') {
      throw new ProblemError('preview_limit_reached', {
        detail: `a team can have at most ${this.rules.maxPreviews} previews`,
      });
    }
    // The preview existed a moment ago.
    throw new ProblemError('not_found', {
      detail: 'the traffic manager or intercept no longer exists',
    });
  }

  /** @throws ProblemError if the caller's team has no such preview */
  async find(caller: Caller, id: string): Promise<Preview> {
    const preview = await this.findOrNull(caller, id);
    if (preview === null) throw this.notFound(id);
    return preview;
  }

  findOrNull({ teamId }: Pick<Caller, 'teamId'>, id: string): Promise<Preview | null> {
    return this.store.previews.find(teamId, id);
  }

  notFound(id: string): ProblemError {
    return new ProblemError('not_found', { detail: `preview ${id} does not exist` });
  }

  private async toResource(preview: Preview): Promise<PreviewResource> {
    const [resource] = await this.toResources(preview.teamId, [preview]);
    if (resource === undefined) throw this.notFound(preview.id);
    return resource;
  }

  private async toResources(teamId: string, previews: readonly Preview[]): Promise<PreviewResource[]> {
    const comments = await this.commentsOn(previews);
    const intercepts = await this.store.intercepts.findMany(teamId, [
      ...new Set(previews.map(({ interceptId }) => interceptId)),
    ]);
    const interceptsById = new Map(intercepts.map((intercept) => [intercept.id, intercept]));
    return previews.flatMap((preview) => {
      const intercept = interceptsById.get(preview.interceptId);
      // The intercept was removed since the preview was read, and the preview with it.
      return intercept === undefined ? [] : [this.resourceOf(preview, intercept, comments)];
    });
  }

  /** Returns the comments on the pull requests of these previews, which belong to one team. */
  private async commentsOn(previews: readonly Preview[]): Promise<readonly PullRequestComment[]> {
    const commented = previews.filter(({ pullRequestUrl }) => pullRequestUrl !== null);
    if (commented.length === 0) return [];
    return this.store.pullRequestComments.findByPreviews(
      commented[0].teamId,
      commented.map(({ id }) => id),
    );
  }

  private resourceOf(
    preview: Preview,
    intercept: InterceptOfPreview,
    comments: readonly PullRequestComment[],
  ): PreviewResource {
    const comment = comments.find(
      ({ previewId, pullRequestUrl }) =>
        previewId === preview.id && pullRequestUrl === preview.pullRequestUrl,
    );
    return toPreviewResource(preview, intercept, this.settings, this.pullRequestOf(preview, comment));
  }

  private pullRequestOf(
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

function toChange({ expiresAt, ...change }: UpdatePreviewRequest): PreviewChange {
  return { ...change, ...(expiresAt === undefined ? {} : { expiresAt: toDate(expiresAt) }) };
}

function toDate(timestamp: string | null): Date | null {
  return timestamp === null ? null : new Date(timestamp);
}
