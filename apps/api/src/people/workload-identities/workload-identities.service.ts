import { Inject, Injectable } from '@nestjs/common';
import {
  ProblemError,
  MAX_WORKLOAD_TOKEN_SECONDS,
  DEFAULT_WORKLOAD_SCOPES,
  type CreateWorkloadIdentityRequest,
  type PageQuery,
  type TestWorkloadIdentityRequest,
  type UpdateWorkloadIdentityRequest,
  type WorkloadIdentityResource,
  type WorkloadIdentityTestResource,
} from '@culvert/contract';
import {
  PLATFORM_ISSUERS,
  problemOfConditions,
  type Page,
  type Store,
  type WorkloadIdentity,
  type WorkloadIdentityDraft,
} from '@culvert/domain';
import { SETTINGS, STORE } from '@culvert/nest';
import { appUrl, type Settings } from '@culvert/runtime';
import type { Caller } from '../../http/auth/caller.js';
import { AuditLog } from '../../team/audit-events/audit-log.js';
import { MAX_WORKLOAD_IDENTITIES, throwRefusal } from '../../team/team-limits.js';
import { WorkloadSignInService } from './workload-sign-in.service.js';

const AUDITED = [
  'name',
  'issuer',
  'audience',
  'conditions',
  'scopes',
  'tokenLifetimeSeconds',
  'isEnabled',
] as const;

/** Lets a team manage its workload identities. */
@Injectable()
export class WorkloadIdentitiesService {
  constructor(
    @Inject(STORE) private readonly store: Store,
    @Inject(SETTINGS) private readonly settings: Settings,
    private readonly audit: AuditLog,
    private readonly signIns: WorkloadSignInService,
  ) {}

  async create(caller: Caller, request: CreateWorkloadIdentityRequest): Promise<WorkloadIdentityResource> {
    const { platform, enabled = true, ...given } = request;
    const issuer = given.issuer ?? (platform === 'other' ? null : PLATFORM_ISSUERS[platform]);
    if (issuer === null) throw invalid('/issuer', 'is required for the platform other');
    const draft: WorkloadIdentityDraft = {
      audience: appUrl(this.settings),
      scopes: DEFAULT_WORKLOAD_SCOPES,
      tokenLifetimeSeconds: MAX_WORKLOAD_TOKEN_SECONDS,
      ...given,
      platform,
      issuer,
      isEnabled: enabled,
    };
    check(draft);
    const identity = await this.store.workloadIdentities
      .create(caller.teamId, draft, { by: caller.authority, max: MAX_WORKLOAD_IDENTITIES })
      .catch(throwRefusal);
    await this.audit.record(caller, 'workload-identity.create', identity, { after: { ...draft } });
    return toResource(identity);
  }

  async list({ teamId }: Caller, query: PageQuery): Promise<Page<WorkloadIdentityResource>> {
    const page = await this.store.workloadIdentities.list(teamId, query);
    return { ...page, items: page.items.map(toResource) };
  }

  async show(caller: Caller, id: string): Promise<WorkloadIdentityResource> {
    return toResource(await this.find(caller, id));
  }

  async update(
    caller: Caller,
    id: string,
    { enabled, ...change }: UpdateWorkloadIdentityRequest,
  ): Promise<WorkloadIdentityResource> {
    const wanted = { ...withoutUndefined(change), ...(enabled !== undefined && { isEnabled: enabled }) };
    const changed = await this.store.workloadIdentities
      .update(caller.teamId, id, wanted, { by: caller.authority, now: new Date(), check })
      .catch(throwRefusal);
    if (changed === null) throw notFound(id);
    const { before, after, revokedApiKeyIds } = changed;
    await this.signIns.announceEnded(revokedApiKeyIds);
    await this.audit.recordChange(caller, 'workload-identity.update', after, {
      before,
      after,
      fields: AUDITED,
    });
    return toResource(after);
  }

  async remove(caller: Caller, id: string): Promise<void> {
    const removed = await this.store.workloadIdentities
      .remove(caller.teamId, id, { by: caller.authority, now: new Date() })
      .catch(throwRefusal);
    if (removed === null) throw notFound(id);
    await this.signIns.announceEnded(removed.revokedApiKeyIds);
    await this.audit.record(caller, 'workload-identity.delete', removed.removed);
  }

  /** Checks a token as the sign-in does, without issuing one. */
  async test(
    caller: Caller,
    id: string,
    { token }: TestWorkloadIdentityRequest,
  ): Promise<WorkloadIdentityTestResource> {
    const { problem, subject, conditions } = await this.signIns.judge(await this.find(caller, id), token);
    return {
      accepted: problem === null,
      problem,
      subject,
      conditions: conditions.map((checked) => ({ ...checked, values: [...checked.values] })),
    };
  }

  private async find({ teamId }: Caller, id: string): Promise<WorkloadIdentity> {
    const identity = await this.store.workloadIdentities.find(teamId, id);
    if (identity === null) throw notFound(id);
    return identity;
  }
}

/** @throws ProblemError if tokens of strangers could meet the conditions */
function check({
  platform,
  issuer,
  conditions,
}: Pick<WorkloadIdentity, 'platform' | 'issuer' | 'conditions'>): void {
  for (const known of ['github', 'gitlab'] as const) {
    const its = PLATFORM_ISSUERS[known];
    if ((issuer === its || issuer.startsWith(`${its}/`)) && platform !== known)
      throw invalid('/platform', `must be ${known} for this issuer`);
  }
  const problem = problemOfConditions(platform, conditions);
  if (problem !== null) throw invalid('/conditions', problem);
}

function invalid(pointer: string, message: string): ProblemError {
  return new ProblemError('validation_failed', { errors: [{ pointer, message }] });
}

function notFound(id: string): ProblemError {
  return new ProblemError('not_found', { detail: `workload identity ${id} does not exist` });
}

/** Zod leaves absent fields out, but their types allow undefined. */
function withoutUndefined<Fields extends object>(fields: Fields) {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [Key in keyof Fields]?: Exclude<Fields[Key], undefined>;
  };
}

function toResource(identity: WorkloadIdentity): WorkloadIdentityResource {
  const {
    teamId: _teamId,
    revision: _revision,
    isEnabled,
    conditions,
    scopes,
    lastUsedAt,
    createdAt,
    ...rest
  } = identity;
  return {
    ...rest,
    enabled: isEnabled,
    conditions: conditions.map(({ claim, values }) => ({ claim, values: [...values] })),
    scopes: [...scopes],
    lastUsedAt: lastUsedAt?.toISOString() ?? null,
    createdAt: createdAt.toISOString(),
  };
}
