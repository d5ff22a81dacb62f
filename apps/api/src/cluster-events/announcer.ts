import { Inject, Injectable } from '@nestjs/common';
import { announceChange, type ClusterEvent, type EventBus } from '@culvert/cluster';
import type { ResourceChange } from '@culvert/domain';
import { EVENT_BUS, LOG } from '@culvert/nest';
import type { Logger } from 'pino';

/** Tells every edge what has changed in the database. */
@Injectable()
export class Announcer {
  constructor(
    @Inject(EVENT_BUS) private readonly bus: EventBus,
    @Inject(LOG) private readonly log: Logger,
  ) {}

  /**
   * Resolves once the bus has the events, or has refused them. A refusal does not fail the request, whose change is
   * in the database already: edges look there again when their connection to the bus is back.
   */
  async announce(events: readonly ClusterEvent[]): Promise<void> {
    const outcomes = await Promise.allSettled(events.map((event) => this.bus.publish(event)));
    const refusals = outcomes.filter((outcome) => outcome.status === 'rejected');
    if (refusals.length > 0) {
      this.log.error({ err: refusals[0]?.reason, count: refusals.length }, 'events not published');
    }
  }

  /** Ends what runs through these previews, and has their traffic manager told, should it keep them too. */
  previewsRemoved(
    previews: readonly {
      readonly hostname: string;
      readonly interceptId: string;
      readonly trafficManagerId: string;
    }[],
  ): Promise<void> {
    return this.announce(
      previews.flatMap(({ hostname, interceptId, trafficManagerId }): ClusterEvent[] => [
        { type: 'preview.changed', hostname },
        { type: 'preview.removed', hostname, interceptId, trafficManagerId },
      ]),
    );
  }

  previewsChanged(hostnames: readonly string[]): Promise<void> {
    return this.announce(hostnames.map((hostname) => ({ type: 'preview.changed', hostname })));
  }

  /** Tells those who watch the team; nobody waits for it. */
  changed(change: ResourceChange): void {
    announceChange(this.bus, change, (error) =>
      this.log.warn({ err: error, change }, 'change not announced'),
    );
  }

  userChanged(userId: string): Promise<void> {
    return this.announce([{ type: 'user.changed', userId }]);
  }
}
