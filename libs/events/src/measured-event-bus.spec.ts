import { describe, expect, it } from 'vitest';
import { EVENT_TYPES } from './event-codec.js';
import { InProcessEventBus } from './in-process-event-bus.js';
import { MeasuredEventBus } from './measured-event-bus.js';

describe(MeasuredEventBus.name, () => {
  it('counts events by type, and measures how long they took', async () => {
    const bus = new MeasuredEventBus(
      new InProcessEventBus((error) => {
        throw error;
      }),
    );
    await bus.publish({ type: 'preview.changed', hostname: 'a' });
    await bus.publish({ type: 'preview.changed', hostname: 'b' });
    expect(bus.received.read(EVENT_TYPES.indexOf('preview.changed'))).toBe(2);
    expect(bus.publishTimes.read(0)?.count).toBe(2);
    expect(bus.ping).toBeUndefined();
    await bus.close();
    await expect(bus.publish({ type: 'preview.changed', hostname: 'c' })).rejects.toThrow();
    expect(bus.publishTimes.read(1)?.count).toBe(1);
  });
});
