import { announceChange, type ClusterEvent, type EventBus } from '@culvert/cluster';
import { createPreviewRequest, type AuditAction, type CreatePreviewRequest } from '@culvert/contract';
import {
  type Actor,
  changeOfAction,
  generatePreviewLabel,
  HostnameTakenError,
  type Ingress,
  type InterceptPreviews,
  InvalidTextError,
  type Preview,
  type PreviewRequest,
  type RequestedPreview,
  type ResourceChange,
  type Store,
} from '@culvert/domain';
import type { Settings } from '@culvert/runtime';
import type { CreateDomainRequest, InterceptSpec } from '@culvert/telepresence';
import { GrpcStatus } from '@culvert/telepresence';
import type { Logger } from 'pino';
import { CallError, type GrpcCaller } from './credentials.js';

/** With 82 random bits even one collision says that the random source is broken. */
const HOSTNAME_ATTEMPTS = 3;
const INTERCEPT_ID = /^[\x21-\x7e]{1,300}$/;
const SYSTEM: Actor = { kind: 'system', id: null, address: null };

/** A removal that was asked for, or that is due. */
export interface Removal {
  /** Default: this server. */
  readonly actor?: Actor;
  /** What was asked for again later than this stays. Default: now. */
  readonly calledAt?: Date;
}

/** The previews that Telepresence's traffic managers ask for: the same rules, limits and audit as over the API. */
export class RequestedPreviews {
  constructor(
    private readonly store: Store,
    private readonly settings: Pick<Settings, 'public' | 'limits'>,
    private readonly bus: EventBus,
    private readonly log: Logger,
  ) {}

  /**
   * Makes an intercept and its private preview, and returns the hostname.
   * @throws CallError with what the user did wrong
   */
  async open(caller: GrpcCaller, managerId: string, request: CreateDomainRequest): Promise<string> {
    const { teamId } = caller;
    const { preview, isRenewed } = await this.insert(teamId, managerId, request);
    await this.announce([preview.hostname]);
    const change = isRenewed ? 'updated' : 'created';
    this.announceChange({ teamId, resource: 'intercept', id: preview.interceptId, change });
    await this.record(
      teamId,
      caller.actor,
      isRenewed ? 'preview.update' : 'preview.create',
      targetOf(preview),
      {
        after: audited(preview),
      },
    );
    return preview.hostname;
  }

  /** Ends a preview of this traffic manager; nothing when there is none, or one that is newer than the call. */
  async close(teamId: string, managerId: string, hostname: string, removal: Removal = {}): Promise<void> {
    const { actor = SYSTEM, calledAt = new Date() } = removal;
    const preview = await this.store.requestedPreviews.close(teamId, managerId, hostname, calledAt);
    if (preview === null) return;
    await this.announce([preview.hostname]);
    await this.record(teamId, actor, 'preview.delete', targetOf(preview), { before: audited(preview) });
  }

  /** Ends an intercept of this traffic manager with its previews; nothing when there is none as old as the call. */
  async closeIntercept(
    teamId: string,
    managerId: string,
    interceptId: string,
    removal: Removal = {},
  ): Promise<void> {
    const { actor = SYSTEM, calledAt = new Date() } = removal;
    const closed = await this.store.requestedPreviews.closeIntercept(
      teamId,
      managerId,
      interceptId,
      calledAt,
    );
    if (closed === null) return;
    const hostnames = closed.previews.map(({ hostname }) => hostname);
    await this.announce(hostnames);
    const { name, workload, namespace } = closed.intercept;
    await this.record(
      teamId,
      actor,
      'intercept.delete',
      { id: interceptId, name },
      { before: { name, workload, namespace, hostnames } },
    );
  }

  /** Notes that the manager of an intercept no longer shows the preview of this hostname, which was removed here. */
  async dropRemoved(teamId: string, interceptId: string, hostname: string): Promise<void> {
    if (await this.store.requestedPreviews.dropRemoved(teamId, interceptId, hostname))
      this.announceChange({ teamId, resource: 'intercept', id: interceptId, change: 'updated' });
  }

  /** Where a service's traffic enters: as its newest preview says, or else the service itself. */
  async resolveIngress(
    teamId: string,
    service: { readonly namespace: string; readonly name: string; readonly port: number },
  ): Promise<Pick<Ingress, 'host' | 'port' | 'useTls' | 'l5Host'>> {
    const { namespace, name, port } = service;
    const known = await this.store.requestedPreviews.findIngress(teamId, namespace, name);
    if (known !== null) return known;
    const host = namespace === '' ? name : `${name}.${namespace}`;
    return { host, port: port || 80, useTls: port === 443, l5Host: host };
  }

  /** Removes traffic managers that nobody has seen since `seenBefore`, with all they left behind. */
  async collect(seenBefore: Date): Promise<void> {
    for (const { teamId, id } of await this.store.requestedPreviews.findAbandoned(
      'telepresence',
      seenBefore,
    )) {
      const found = await this.store.trafficManagers.find(teamId, id);
      const hostnames = await this.store.trafficManagers.remove(teamId, id);
      if (hostnames === null) continue;
      await this.announce(hostnames);
      const name = found?.name ?? null;
      await this.record(
        teamId,
        SYSTEM,
        'traffic-manager.delete',
        { id, name },
        { before: { name, hostnames } },
      );
    }
  }

  list(teamId: string, trafficManagerId: string): Promise<InterceptPreviews[]> {
    return this.store.requestedPreviews.list(teamId, trafficManagerId);
  }

  /** Tells every edge to look these hostnames up again. */
  async announce(hostnames: readonly string[]): Promise<void> {
    for (const hostname of hostnames) await this.publish({ type: 'preview.changed', hostname });
  }

  private async publish(event: ClusterEvent): Promise<void> {
    try {
      await this.bus.publish(event);
    } catch (error) {
      this.log.error({ err: error }, 'event not published');
    }
  }

  private async insert(
    teamId: string,
    managerId: string,
    request: CreateDomainRequest,
  ): Promise<RequestedPreview> {
    const { intercept, ...preview } = readRequest(request);
    for (let attempt = 1; ; attempt++) {
      const hostname = `${generatePreviewLabel()}.${this.settings.public.previewDomain}`;
      const draft: PreviewRequest = {
        managerId,
        managerName: `Telepresence ${managerId.slice(0, 8)}`,
        interceptId: request.interceptId,
        intercept: intercept!,
        preview: {
          ...preview,
          hostname,
          ingress: { ...preview.ingress, port: 0 },
          access: 'team',
          expiresAt: null,
        },
        maxPreviews: this.settings.limits.maxPreviewsPerTeam,
        at: new Date(),
      };
      try {
        const opened = await this.store.requestedPreviews.open(teamId, draft);
        if (opened === 'limit-reached')
          throw new CallError(
            GrpcStatus.RESOURCE_EXHAUSTED,
            `the team has ${this.settings.limits.maxPreviewsPerTeam} previews, as many as it may`,
          );
        if (opened === 'intercept-taken')
          throw new CallError(
            GrpcStatus.ALREADY_EXISTS,
            'another traffic manager has an intercept of this id',
          );
        return opened;
      } catch (error) {
        if (error instanceof InvalidTextError)
          throw new CallError(
            GrpcStatus.INVALID_ARGUMENT,
            'the intercept contains text that cannot be stored',
          );
        if (!(error instanceof HostnameTakenError) || attempt === HOSTNAME_ATTEMPTS) throw error;
      }
    }
  }

  /** Tells those who watch the team. */
  announceChange(change: ResourceChange): void {
    announceChange(this.bus, change, (error) =>
      this.log.warn({ err: error, change }, 'change not announced'),
    );
  }

  private async record(
    teamId: string,
    actor: Actor,
    action: AuditAction,
    { id: targetId, name: targetName }: { readonly id: string; readonly name: string | null },
    change: { readonly before?: Record<string, unknown>; readonly after?: Record<string, unknown> },
  ): Promise<void> {
    const { before = null, after = null } = change;
    const changed = changeOfAction(teamId, { action, targetId });
    if (changed !== null) this.announceChange(changed);
    const { id } = await this.store.auditEvents.append({
      teamId,
      actor,
      action,
      targetId,
      targetName,
      before,
      after,
    });
    this.announceChange({ teamId, resource: 'audit-event', id, change: 'created' });
  }
}

/** The request by the rules of the API, whose words the answer uses. */
function readRequest(request: CreateDomainRequest): CreatePreviewRequest {
  const {
    interceptId,
    interceptSpec: spec,
    host,
    displayBanner,
    pullRequestUrl,
    addRequestHeaders,
  } = request;
  if (!INTERCEPT_ID.test(interceptId))
    throw new CallError(
      GrpcStatus.INVALID_ARGUMENT,
      'intercept_id must be 1 to 300 visible ASCII characters',
    );
  if (spec === undefined) throw new CallError(GrpcStatus.INVALID_ARGUMENT, 'intercept_spec is missing');
  const result = createPreviewRequest.safeParse({
    intercept: interceptOf(spec),
    // The manager keeps the ingress to itself until it is connected. Before 2.1 it sent no name either.
    ingress: { host: host || spec.serviceName || spec.agent, port: 80, verifyTls: false },
    displayBanner,
    pullRequestUrl: pullRequestUrl === '' ? null : pullRequestUrl,
    addRequestHeaders,
  });
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new CallError(GrpcStatus.INVALID_ARGUMENT, `${issue.path.map(String).join('.')} ${issue.message}`);
}

function interceptOf(spec: InterceptSpec) {
  return {
    name: spec.name,
    client: spec.client,
    workload: spec.agent,
    workloadKind: spec.workloadKind,
    ...(spec.namespace === '' ? {} : { namespace: spec.namespace }),
    mechanism: spec.mechanism,
    mechanismArgs: [...spec.mechanismArgs],
    targetHost: spec.targetHost,
    targetPort: spec.targetPort,
    serviceName: spec.serviceName,
    servicePortIdentifier: spec.servicePortIdentifier,
  };
}

/** As what the audit log knows a preview. */
function targetOf({ id, hostname }: Preview) {
  return { id, name: hostname };
}

/** What the audit log keeps: of headers the names, since values may be credentials for the ingress. */
function audited(preview: Preview): Record<string, unknown> {
  const { hostname, interceptId, trafficManagerId, ingress, access, displayBanner, pullRequestUrl } = preview;
  const addRequestHeaders = Object.keys(preview.addRequestHeaders).toSorted();
  return {
    hostname,
    interceptId,
    trafficManagerId,
    ingress,
    access,
    displayBanner,
    pullRequestUrl,
    addRequestHeaders,
  };
}
