import { Announcer, type EventBus } from '@culvert/events';
import { createPreviewRequest, type CreatePreviewRequest } from '@culvert/contract';
import {
  AuditLog,
  type Ingress,
  type InterceptPreviews,
  type InterceptStatus,
  InvalidTextError,
  type Preview,
  type Store,
  SYSTEM,
} from '@culvert/domain';
import { type Closing, type OpenedPreview, PreviewRules } from '@culvert/previews';
import type { Settings } from '@culvert/runtime';
import type { CreateDomainRequest, InterceptSpec } from '@culvert/telepresence';
import { GrpcStatus } from '@culvert/telepresence';
import type { Logger } from 'pino';
import { CallError, type GrpcCaller } from './credentials.js';

const INTERCEPT_ID = /^[\x21-\x7e]{1,300}$/;

/** Previews that Telepresence's traffic managers ask for: with the same rules, limits and audit as in the API. */
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
   * Creates an intercept and its private preview, and returns the hostname.
   * @throws CallError with the user's mistake
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

  /** Ends a preview of this traffic manager. Does nothing if there is none, or if it is newer than the call. */
  close(teamId: string, managerId: string, hostname: string, closing?: Closing): Promise<void> {
    return this.rules.close(teamId, managerId, hostname, closing);
  }

  /**
   * Ends an intercept of this traffic manager with its previews. Does nothing if there is none, or if it is newer than
   * the call.
   */
  closeIntercept(teamId: string, managerId: string, interceptId: string, closing?: Closing): Promise<void> {
    return this.rules.closeIntercept(teamId, managerId, interceptId, closing);
  }

  /** Records that the manager of an intercept no longer shows the preview of this hostname, which was removed here. */
  dropRemoved(teamId: string, interceptId: string, hostname: string): Promise<void> {
    return this.rules.dropRemoved(teamId, interceptId, hostname);
  }

  /** Stores what the manager reports about an intercept. */
  followIntercept(teamId: string, interceptId: string, shown: InterceptStatus): Promise<void> {
    return this.rules.followIntercept(teamId, interceptId, shown);
  }

  /** Sets the ingress of a preview to the one that its manager reports. */
  followIngress(preview: Preview, ingress: Ingress): Promise<void> {
    return this.rules.followIngress(preview, ingress);
  }

  /** Returns the ingress of a service: that of its newest preview, or else the service itself. */
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

  /** Removes traffic managers that were last seen before `seenBefore`, with everything that belongs to them. */
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
          `the team has reached its limit of ${this.rules.maxPreviews} previews`,
        );
      case 'intercept-taken':
        return new CallError(
          GrpcStatus.ALREADY_EXISTS,
          'another traffic manager has an intercept with this id',
        );
    }
  }
}

function rejectText(error: unknown): never {
  if (error instanceof InvalidTextError)
    throw new CallError(GrpcStatus.INVALID_ARGUMENT, 'the intercept contains text that cannot be stored');
  throw error;
}

/** Validates the request by the rules of the API, whose messages it returns. */
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
    // The manager does not report the ingress until it is connected. Before 2.1 it did not send a name either.
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
