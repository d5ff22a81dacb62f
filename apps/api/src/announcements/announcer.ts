import { Inject, Injectable } from '@nestjs/common';
import { Announcer as PlainAnnouncer, type EventBus } from '@culvert/events';
import { EVENT_BUS, LOG } from '@culvert/nest';
import type { Logger } from 'pino';

/** The announcer, as Nest injects it. */
@Injectable()
export class Announcer extends PlainAnnouncer {
  constructor(@Inject(EVENT_BUS) bus: EventBus, @Inject(LOG) log: Logger) {
    super(bus, log);
  }
}
