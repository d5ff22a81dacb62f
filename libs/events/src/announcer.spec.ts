import { beforeEach, describe, expect, it } from 'vitest';
import { Announcer } from './announcer.js';
import { EventNotPublishedError } from './errors.js';
import type { ClusterEvent, EventBus } from './event-bus.js';
import { InProcessEventBus } from './in-process-event-bus.js';

const PREVIEW = { hostname: 'a.preview.test', interceptId: 'i', trafficManagerId: 'm' };
const CHANGE = { teamId: 't', resource: 'preview', id: 'p', change: 'updated' } as const;

describe(Announcer.name, () => {
  let logged: [level: string, message: string, fields: object][];
  const log = {
    error: (fields: object, message: string) => void logged.push(['error', message, fields]),
    warn: (fields: object, message: string) => void logged.push(['warn', message, fields]),
  };

  beforeEach(() => {
    logged = [];
  });

  it('notifies edges of a removed preview before its traffic manager', async () => {
    const bus = new InProcessEventBus(() => {});
    const events: ClusterEvent[] = [];
    bus.subscribe((event) => events.push(event));
    const announcer = new Announcer(bus, log);
    await announcer.previewsRemoved([PREVIEW]);
    announcer.changed(CHANGE);
    expect(events).toEqual([
      { type: 'preview.changed', hostname: PREVIEW.hostname },
      { type: 'preview.removed', ...PREVIEW },
      { type: 'resource.changed', ...CHANGE },
    ]);
    expect(logged).toEqual([]);
  });

  it('reports what the bus refuses, once for all events of a call, and does not reject', async () => {
    const bus: EventBus = new InProcessEventBus(() => {});
    await bus.close();
    const announcer = new Announcer(bus, log);
    await announcer.previewsChanged(['a.preview.test', 'b.preview.test']);
    expect(logged).toEqual([
      ['error', 'cannot publish events', { err: expect.any(EventNotPublishedError), count: 2 }],
    ]);
    announcer.changed(CHANGE);
    await expect.poll(() => logged.at(-1)?.[1]).toBe('cannot announce a change');
  });
});
