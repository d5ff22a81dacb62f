import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import type { ClusterEvent, EventBus } from '@culvert/events';
import type { StreamQuery } from '@culvert/contract';
import { SCOPE_TO_WATCH } from '@culvert/domain';
import { EVENT_BUS } from '@culvert/nest';
import type { Caller } from '../../http/auth/caller.js';
import { type LiveStream, LiveStreams } from '../../http/event-stream/live-streams.js';
import type { StreamReader } from '../../http/event-stream/stream-reader.js';
import { ChangeLog, type LoggedChange } from './change-log.js';

const MAX_WAITING_BYTES = 262_144;

/** Notifies everyone who watches a team of its changes, limited to what they can read. */
@Injectable()
export class ChangeStreams implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly log = new ChangeLog();
  private readonly byTeam = new Map<string, Set<LiveStream>>();
  private unsubscribe: readonly (() => void)[] = [];

  constructor(
    @Inject(EVENT_BUS) private readonly bus: EventBus,
    private readonly streams: LiveStreams,
  ) {}

  onApplicationBootstrap(): void {
    this.unsubscribe = [
      this.bus.subscribe((event) => this.handleEvent(event)),
      this.bus.onGap(() => this.handleGap()),
    ];
  }

  onModuleDestroy(): void {
    for (const unsubscribe of this.unsubscribe) unsubscribe();
  }

  open(caller: Caller, { team }: StreamQuery, reader: StreamReader): void {
    const { teamId } = caller;
    const stream: LiveStream = this.streams.open(caller, reader, {
      scopes: ['team:read'],
      team,
      maxWaitingBytes: MAX_WAITING_BYTES,
      onClose: () => this.leave(teamId, stream),
      onScopesChange: () => this.reset(stream),
    });
    const siblings = this.byTeam.get(teamId);
    if (siblings) siblings.add(stream);
    else this.byTeam.set(teamId, new Set([stream]));
    this.begin(stream, reader.lastEventId);
  }

  private begin(stream: LiveStream, lastEventId: string | undefined): void {
    const { teamId } = stream.caller;
    if (lastEventId !== undefined) {
      const missed = this.log.since(teamId, lastEventId);
      if (missed === null) this.reset(stream);
      for (const change of missed ?? []) tell(stream, change);
    }
    stream.send({ name: 'ready', data: '{}', id: this.log.position(teamId) });
  }

  private leave(teamId: string, stream: LiveStream): void {
    const siblings = this.byTeam.get(teamId);
    if (siblings?.delete(stream) && siblings.size === 0) this.byTeam.delete(teamId);
  }

  private handleEvent(event: ClusterEvent): void {
    if (event.type !== 'resource.changed') return;
    const { teamId, resource, id, change } = event;
    const logged = this.log.push(teamId, { resource, id, change, at: new Date().toISOString() });
    for (const stream of this.byTeam.get(teamId) ?? []) tell(stream, logged);
  }

  private handleGap(): void {
    this.log.clear();
    for (const siblings of this.byTeam.values()) for (const stream of siblings) this.reset(stream);
  }

  private reset(stream: LiveStream): void {
    stream.send({ name: 'reset', data: '{}', id: this.log.position(stream.caller.teamId) });
  }
}

function tell(stream: LiveStream, { id, change }: LoggedChange): void {
  if (!stream.caller.scopes.includes(SCOPE_TO_WATCH[change.resource])) return;
  stream.send({ name: 'change', data: JSON.stringify(change), id });
}
