import { Announcer, type EventBus } from '@culvert/events';
import { createPreviewRequest, type CreatePreviewRequest } from '@culvert/contract';
import {
  AuditLog,
  type Ingress,
  type InterceptPreviews,
  InvalidTextError,
  type Preview,
  type Store,
  SYSTEM,
} from '@culvert/domain';
import { type Closing, type OpenedPreview, PreviewRules, type InterceptStatus } from '@culvert/previews';
import type { Settings } from '@culvert/runtime';
import type { CreateDomainRequest, InterceptSpec } from '@culvert/telepresence';
import { GrpcStatus } from '@culvert/telepresence';
import type { Logger } from 'pino';
import { CallError, type GrpcCaller } from './credentials.js';

const INTERCEPT_ID = /^[\x21-\x7e]{1,300}$/;

/** The previews that Telepresence's traffic managers ask for: the same rules, limits and audit as over the API. */
export class RequestedPreviews {
  private readonly rules: PreviewRules;
  private readonly audit: AuditLog;
  private readonly announcer: Announcer;

  constructor(
    private readonly store: Store,
    settings: Pick<Settings, 'public' | 'limits'>,
    bus: EventBus,
    log: Logger,
  ) {
    this.announcer = new Announcer(bus, log);
    this.audit = new AuditLog(store, this.announcer);
    this.rules = new PreviewRules({
      store,
      audit: this.audit,
      announcer: this.announcer,
      previewDomain: settings.public.previewDomain,
      maxPreviews: settings.limits.maxPreviewsPerTeam,
    });
  }

  /**
   * Makes an intercept and its private preview, and returns the hostname.
   * @throws CallError with what the user did wrong
   */
  async open(caller: GrpcCaller, managerId: string, request: CreateDomainRequest): Promise<string> {
    const { intercept, ...preview } = readRequest(request);
    const opened = await this.rules
      .open(caller, {
        managerId,
        managerName: `Telepresence ${managerId.slice(0, 8)}`,
        interceptId: request.interceptId,
        intercept: intercept!,
        preview: {
          ...preview,
          ingress: { ...preview.ingress, port: 0 },
          access: 'team',
          expiresAt: null,
        },
      })
      .catch(rejectText);
    if (!opened.ok) throw this.refusal(opened.reason);
    return opened.preview.hostname;
  }

  /** Ends a preview of this traffic manager; nothing when there is none, or one that is newer than the call. */
  close(teamId: string, managerId: string, hostname: string, closing?: Closing): Promise<void> {
    return this.rules.close(teamId, managerId, hostname, closing);
  }

  /** Ends an intercept of this traffic manager with its previews; nothing when there is none as old as the call. */
  closeIntercept(teamId: string, managerId: string, interceptId: string, closing?: Closing): Promise<void> {
    return this.rules.closeIntercept(teamId, managerId, interceptId, closing);
  }

  /** Notes that the manager of an intercept no longer shows the preview of this hostname, which was removed here. */
  dropRemoved(teamId: string, interceptId: string, hostname: string): Promise<void> {
    return this.rules.dropRemoved(teamId, interceptId, hostname);
  }

  /** Keeps what the manager shows of an intercept. */
  followIntercept(teamId: string, interceptId: string, shown: InterceptStatus): Promise<void> {
    return this.rules.followIntercept(teamId, interceptId, shown);
  }

  /** Has a preview enter the cluster where its manager says. */
  followIngress(preview: Preview, ingress: Ingress): Promise<void> {
    return this.rules.followIngress(preview, ingress);
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
      await this.announcer.previewsChanged(hostnames);
      const { managerId = null, name = null } = found ?? {};
      await this.audit.record(
        { teamId, actor: SYSTEM },
        'traffic-manager.delete',
        { id, name },
        { before: { managerId, name, hostnames } },
      );
    }
  }

  list(teamId: string, trafficManagerId: string): Promise<InterceptPreviews[]> {
    return this.store.requestedPreviews.list(teamId, trafficManagerId);
  }

  private refusal(reason: Extract<OpenedPreview, { ok: false }>['reason']): CallError {
    switch (reason) {
      case 'limit-reached':
        return new CallError(
          GrpcStatus.RESOURCE_EXHAUSTED,
          `the team has ${this.rules.maxPreviews} previews, as many as it may`,
        );
      case 'intercept-taken':
        return new CallError(
          GrpcStatus.ALREADY_EXISTS,
          'another traffic manager has an intercept of this id',
        );
    }
  }
}

function rejectText(error: unknown): never {
  if (error instanceof InvalidTextError)
    throw new CallError(GrpcStatus.INVALID_ARGUMENT, 'the intercept contains text that cannot be stored');
  throw error;
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
