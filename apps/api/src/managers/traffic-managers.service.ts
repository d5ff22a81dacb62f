import { Inject, Injectable } from '@nestjs/common';
import {
  ProblemError,
  type ConnectionEventResource,
  type CreateTrafficManagerRequest,
  type PageQuery,
  type TrafficManagerResource,
  type UpdateTrafficManagerRequest,
} from '@culvert/contract';
import type { Page, Session, Store, TrafficManager } from '@culvert/domain';
import { STORE } from '@culvert/nest';
import { AuditLog } from '../team/audit-events/audit-log.js';
import type { Caller } from '../http/auth/caller.js';
import { Announcer } from '../announcements/announcer.js';

@Injectable()
export class TrafficManagersService {
  constructor(
    @Inject(STORE) private readonly store: Store,
    private readonly audit: AuditLog,
    private readonly announcer: Announcer,
  ) {}

  async create(caller: Caller, request: CreateTrafficManagerRequest): Promise<TrafficManagerResource> {
    const trafficManager = await this.store.trafficManagers.create(caller.teamId, {
      ...request,
      version: '',
    });
    if (trafficManager === null) {
      throw new ProblemError('manager_id_taken', {
        detail: `the team already has a traffic manager with the manager id ${request.managerId}`,
      });
    }
    await this.audit.record(caller, 'traffic-manager.create', trafficManager, { after: request });
    return toResource(trafficManager);
  }

  async list(caller: Caller, query: PageQuery): Promise<Page<TrafficManagerResource>> {
    const page = await this.store.trafficManagers.list(caller.teamId, query);
    return { ...page, items: page.items.map(toResource) };
  }

  async show(caller: Caller, id: string): Promise<TrafficManagerResource> {
    return toResource(await this.find(caller, id));
  }

  async listConnections(
    caller: Caller,
    id: string,
    query: PageQuery,
  ): Promise<Page<ConnectionEventResource>> {
    await this.find(caller, id);
    const page = await this.store.connectionEvents.list(caller.teamId, id, query);
    return {
      ...page,
      items: page.items.map(({ teamId: _teamId, at, ...event }) => ({ ...event, at: at.toISOString() })),
    };
  }

  async update(
    caller: Caller,
    id: string,
    { name }: UpdateTrafficManagerRequest,
  ): Promise<TrafficManagerResource> {
    const before = await this.find(caller, id);
    const after =
      name === undefined ? before : await this.store.trafficManagers.rename(caller.teamId, id, name);
    if (after === null) throw notFound(id);
    await this.audit.recordChange(caller, 'traffic-manager.update', after, {
      before,
      after,
      fields: ['name'],
    });
    return toResource(after);
  }

  async remove(caller: Caller, id: string): Promise<void> {
    const { managerId, name } = await this.find(caller, id);
    const sessions = await this.livingSessions(caller, id);
    const hostnames = await this.store.trafficManagers.remove(caller.teamId, id);
    if (hostnames === null) throw notFound(id);
    await this.announcer.previewsChanged(hostnames);
    await this.announcer.announce(
      sessions.map((session) => ({
        type: 'session.ended',
        sessionId: session.id,
        reason: 'the traffic manager was deleted',
      })),
    );
    await this.audit.record(
      caller,
      'traffic-manager.delete',
      { id, name },
      { before: { managerId, name, hostnames } },
    );
  }

  /** Returns the ID of the traffic manager that a request names or, if it names none, of the team's only cluster. */
  async resolveId(caller: Caller, id: string | undefined): Promise<string> {
    if (id !== undefined) return (await this.find(caller, id)).id;
    const [only, ...more] = await this.store.trafficManagers.listClusters(caller.teamId, 2);
    if (only === undefined || more.length > 0) {
      throw new ProblemError('traffic_manager_required', {
        detail:
          only === undefined
            ? 'the team has no traffic manager yet: connect or register one first'
            : 'the team has several traffic managers',
        ...(only !== undefined && {
          errors: [
            {
              pointer: '/trafficManagerId',
              message: 'must be given: the team has several traffic managers',
            },
          ],
        }),
      });
    }
    return only.id;
  }

  /** Returns the living sessions, at most one for each kind of tunnel. */
  private async livingSessions({ teamId }: Caller, trafficManagerId: string): Promise<Session[]> {
    const pages = await Promise.all(
      (['connected', 'disconnected'] as const).map((state) =>
        this.store.sessions.list(teamId, { trafficManagerId, state }, { limit: 200 }),
      ),
    );
    return pages.flatMap(({ items }) => items);
  }

  private async find(caller: Caller, id: string): Promise<TrafficManager> {
    const trafficManager = await this.store.trafficManagers.find(caller.teamId, id);
    if (trafficManager === null) throw notFound(id);
    return trafficManager;
  }
}

function notFound(id: string): ProblemError {
  return new ProblemError('not_found', { detail: `traffic manager ${id} does not exist` });
}

function toResource({ teamId: _teamId, ...trafficManager }: TrafficManager): TrafficManagerResource {
  return {
    ...trafficManager,
    lastSeenAt: trafficManager.lastSeenAt?.toISOString() ?? null,
    createdAt: trafficManager.createdAt.toISOString(),
  };
}
