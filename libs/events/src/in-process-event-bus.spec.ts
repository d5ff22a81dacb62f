import { describe, expect, it } from 'vitest';
import { EventNotPublishedError } from './errors.js';
import type { ClusterEvent } from './event-bus.js';
import { InProcessEventBus } from './in-process-event-bus.js';

const EVENT: ClusterEvent = { type: 'preview.changed', hostname: 'a.preview.test' };

describe('InProcessEventBus', () => {
  it('has called every listener when publish resolves', async () => {
    const bus = new InProcessEventBus(() => {});
    const heard: string[] = [];
    bus.subscribe((event) => heard.push(`first ${event.type}`));
    bus.subscribe((event) => heard.push(`second ${event.type}`));
    await bus.publish(EVENT);
    expect(heard).toEqual(['first preview.changed', 'second preview.changed']);
  });

  it('sends a topic only to its subscribers', () => {
    const bus = new InProcessEventBus(() => {});
    const heard: string[] = [];
    bus.send('a', 'no listener yet');
    const one = bus.listen('a', (message) => heard.push(`one ${message}`));
    bus.listen('a', (message) => heard.push(`other ${message}`));
    bus.listen('b', (message) => heard.push(`b ${message}`));
    bus.send('a', '1');
    one.stop();
    one.stop();
    bus.send('a', '2');
    expect(heard).toEqual(['one 1', 'other 1', 'other 2']);
  });

  it('does not call a listener after it has unsubscribed', async () => {
    const bus = new InProcessEventBus(() => {});
    let calls = 0;
    const listener = () => calls++;
    const unsubscribe = bus.subscribe(listener);
    bus.subscribe(listener);
    unsubscribe();
    unsubscribe();
    await bus.publish(EVENT);
    expect(calls).toBe(1);
  });

  it('reports a listener that throws and calls the others', async () => {
    const errors: unknown[] = [];
    const bus = new InProcessEventBus((error) => errors.push(error));
    const fault = new Error('listener');
    const heard: ClusterEvent[] = [];
    bus.subscribe(() => {
      throw fault;
    });
    bus.subscribe((event) => heard.push(event));
    await bus.publish(EVENT);
    expect(errors).toEqual([fault]);
    expect(heard).toEqual([EVENT]);
  });

  it('refuses events once closed', async () => {
    const bus = new InProcessEventBus(() => {});
    await bus.close();
    await bus.close();
    await expect(bus.publish(EVENT)).rejects.toBeInstanceOf(EventNotPublishedError);
  });
});
