import { Inject, Injectable } from '@nestjs/common';
import { ProblemError, type SessionQuery, type SessionResource } from '@culvert/contract';
import type { OpenTunnel, Page, SessionCredential, ShownSession, Store } from '@culvert/domain';
import { STORE } from '@culvert/nest';
import { AuditLog } from '../../team/audit-events/audit-log.js';
import type { Caller } from '../../http/auth/caller.js';
import { Announcer } from '../../announcements/announcer.js';

const END_REASON = 'ended through the API';

@Injectable()
export class SessionsService {
  constructor(
    @Inject(STORE) private readonly store: Store,
    private readonly audit: AuditLog,
    private readonly announcer: Announcer,
  ) {}

  async list(caller: Caller, { limit, cursor, ...filter }: SessionQuery): Promise<Page<SessionResource>> {
    const page = await this.store.sessions.list(caller.teamId, filter, { limit, cursor });
    return { ...page, items: page.items.map(toResource) };
  }

  async show(caller: Caller, id: string): Promise<SessionResource> {
    return toResource(await this.find(caller, id));
  }

  async end(caller: Caller, id: string): Promise<void> {
    const { state, trafficManagerId, trafficManager } = await this.find(caller, id);
    if ((await this.store.sessions.end(caller.teamId, id, END_REASON, new Date())) === null)
      throw notFound(id);
    if (state === 'ended') return;
    await this.announcer.announce([{ type: 'session.ended', sessionId: id, reason: END_REASON }]);
    await this.audit.record(
      caller,
      'session.end',
      { id, name: trafficManager.name },
      { before: { state, trafficManagerId } },
    );
  }

  private async find(caller: Caller, id: string): Promise<ShownSession> {
    const session = await this.store.sessions.find(caller.teamId, id);
    if (session === null) throw notFound(id);
    return session;
  }
}

function notFound(id: string): ProblemError {
  return new ProblemError('not_found', { detail: `session ${id} does not exist` });
}

function toResource({ teamId: _teamId, credential, tunnels, ...session }: ShownSession): SessionResource {
  return {
    ...session,
    ...describeCredential(credential),
    tunnels: tunnels.map(toTunnel),
    connectedAt: session.connectedAt.toISOString(),
    lastSeenAt: session.lastSeenAt.toISOString(),
    disconnectedAt: session.disconnectedAt?.toISOString() ?? null,
    endedAt: session.endedAt?.toISOString() ?? null,
  };
}

function toTunnel({
  edge,
  instanceId: _instanceId,
  ...tunnel
}: OpenTunnel): SessionResource['tunnels'][number] {
  return {
    ...tunnel,
    edgeId: edge.id,
    edgeName: edge.name,
    openedAt: tunnel.openedAt.toISOString(),
    reportedAt: tunnel.reportedAt.toISOString(),
  };
}

function describeCredential(
  credential: SessionCredential,
): Pick<SessionResource, 'apiKeyId' | 'programId' | 'userId'> {
  if (credential.kind === 'api-key') return { apiKeyId: credential.apiKeyId, programId: null, userId: null };
  return { apiKeyId: null, programId: credential.programId, userId: credential.userId };
}
