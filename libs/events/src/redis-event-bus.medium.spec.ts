import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { createEventBus } from './create-event-bus.js';
import { EventNotPublishedError } from './errors.js';
import type { ClusterEvent, EventBus } from './event-bus.js';
import { MalformedEventError } from './event-codec.js';

const redisUrl = inject('redisUrl');
let cleanUp: (() => Promise<unknown>)[];

beforeEach(() => {
  cleanUp = [];
});
afterEach(async () => {
  for (const step of cleanUp.toReversed()) await step();
});

describe('RedisEventBus', () => {
  it('delivers to every process, the publishing one included, once', async () => {
    const [one, other] = [open(), open()];
    const [heardByOne, heardByOther] = [listen(one.bus), listen(other.bus)];
    // Each bus has published, so each is subscribed: from here on no event may be missing.
    const events = [previewChanged(), previewChanged(), previewChanged(), previewChanged()];
    await one.bus.publish(events[0]);
    await other.bus.publish(events[1]);
    await one.bus.publish(events[2]);
    await other.bus.publish(events[3]);
    await heardByOne.until(events[3]);
    await heardByOther.until(events[3]);
    expect(heardByOne.of(events)).toEqual(events);
    expect(heardByOther.of(events.slice(1))).toEqual(events.slice(1));
  });

  it('receives an event that it publishes right after its creation', async () => {
    const { bus } = open();
    const heard = listen(bus);
    const event = previewChanged();
    await bus.publish(event);
    await heard.until(event);
    expect(heard.of([event])).toEqual([event]);
  });

  it('sends a topic only to its subscribers, in any process, also after a lost connection', async () => {
    const [sender, hearer] = [open(), open()];
    await sender.bus.publish(previewChanged());
    const [topic, other] = [randomUUID(), randomUUID()];
    const heard: string[] = [];
    const listening = hearer.bus.listen(topic, (message) => heard.push(message));
    const second = hearer.bus.listen(topic, (message) => heard.push(`second ${message}`));
    await Promise.all([listening.isReady, second.isReady]);
    sender.bus.send(other, 'not meant');
    sender.bus.send(topic, '1');
    await expect.poll(() => heard).toEqual(['1', 'second 1']);
    listening.stop();
    sender.bus.send(topic, '2');
    await expect.poll(() => heard.slice(2)).toEqual(['second 2']);
    await killClients(hearer.name);
    await expect
      .poll(() => {
        sender.bus.send(topic, '3');
        return heard;
      })
      .toContain('second 3');
    second.stop();
    const last = hearer.bus.listen(other, (message) => heard.push(message));
    await last.isReady;
    heard.length = 0;
    sender.bus.send(topic, '4');
    sender.bus.send(other, '5');
    await expect.poll(() => heard).toEqual(['5']);
  });

  it('reports a gap and continues after Redis has closed its connections', async () => {
    const { bus, name } = open();
    const heard = listen(bus);
    await bus.publish(previewChanged());
    let gaps = 0;
    const gap = new Promise<void>((resolve) => {
      bus.onGap(() => {
        gaps++;
        resolve();
      });
    });
    expect(await killClients(name)).toBe(2);
    await gap;
    const event = previewChanged();
    await bus.publish(event);
    await heard.until(event);
    expect(gaps).toBe(1);
    expect(heard.of([event])).toEqual([event]);
  });

  it('answers a check while Redis works, and fails it while Redis is away', async () => {
    const { bus } = open();
    await bus.publish(previewChanged());
    await bus.ping?.();
    const away = open('redis://127.0.0.1:1');
    await expect(away.bus.ping?.()).rejects.toBeInstanceOf(EventNotPublishedError);
  });

  it('reports no gap while nothing breaks', async () => {
    const { bus } = open();
    let gaps = 0;
    bus.onGap(() => gaps++);
    await bus.publish(previewChanged());
    expect(gaps).toBe(0);
  });

  it('refuses to publish during an outage, reports it once per connection, and recovers', async () => {
    const proxy = await Proxy.start();
    const { bus, errors } = open(proxy.url);
    const heard = listen(bus);
    await bus.publish(previewChanged());
    const gap = new Promise<void>((resolve) => bus.onGap(resolve));

    await proxy.stop();
    await expectRefused(bus);
    await expectRefused(bus);
    expect(errors.length).toBeLessThanOrEqual(2);

    await proxy.restart();
    await gap;
    const event = previewChanged();
    await bus.publish(event);
    await heard.until(event);
    expect(heard.of([event])).toEqual([event]);
  });

  it('works once a Redis that was down at the start has come up', async () => {
    const proxy = await Proxy.start();
    await proxy.stop();
    const { bus } = open(proxy.url);
    const heard = listen(bus);
    await expectRefused(bus);
    const gap = new Promise<void>((resolve) => bus.onGap(resolve));
    await proxy.restart();
    await gap;
    const event = previewChanged();
    await bus.publish(event);
    await heard.until(event);
    expect(heard.of([event])).toEqual([event]);
  });

  it('refuses in bounded time when Redis accepts connections and does not answer', async () => {
    const silent = createServer((socket) => socket.on('error', () => {})).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    cleanUp.push(async () => silent.close());
    const { bus } = open(`redis://127.0.0.1:${(silent.address() as AddressInfo).port}`);
    await expectRefused(bus);
  });

  it('reports messages that are not events, ignores unknown types, and continues', async () => {
    const { bus, errors } = open();
    const heard = listen(bus);
    await bus.publish(previewChanged());
    const admin = connectAdmin();
    await admin.publish('culvert:events', '{"type":');
    await admin.publish('culvert:events', '{"type":"from.a.newer.version"}');
    const event = previewChanged();
    await bus.publish(event);
    await heard.until(event);
    expect(errors.filter((error) => error instanceof MalformedEventError)).toHaveLength(1);
  });

  it('reports a listener that throws and calls the others', async () => {
    const { bus, errors } = open();
    const fault = new Error('listener');
    bus.subscribe(() => {
      throw fault;
    });
    const heard = listen(bus);
    const event = previewChanged();
    await bus.publish(event);
    await heard.until(event);
    expect(errors).toContain(fault);
  });

  it('sends what was published before it closes, and refuses afterwards', async () => {
    const [one, other] = [open(), open()];
    const heard = listen(other.bus);
    await other.bus.publish(previewChanged());
    const event = previewChanged();
    await one.bus.publish(event);
    await one.bus.close();
    await one.bus.close();
    await heard.until(event);
    expect(heard.of([event])).toEqual([event]);
    await expect(one.bus.publish(previewChanged())).rejects.toBeInstanceOf(EventNotPublishedError);
  });
});

function open(url = redisUrl): { bus: EventBus; errors: unknown[]; name: string } {
  const errors: unknown[] = [];
  const name = `test-${randomUUID()}`;
  const named = new URL(url);
  // ioredis reads options from the query.
  named.searchParams.set('connectionName', name);
  const bus = createEventBus({ redisUrl: named.href, onError: (error) => errors.push(error) });
  cleanUp.push(() => bus.close());
  return { bus, errors, name };
}

// Other spec files may use the same Redis: each event is recognizable.
function previewChanged(): ClusterEvent {
  return { type: 'preview.changed', hostname: `${randomUUID()}.preview.test` };
}

function listen(bus: EventBus) {
  const heard: ClusterEvent[] = [];
  const waiting = new Map<string, () => void>();
  bus.subscribe((event) => {
    heard.push(event);
    waiting.get(JSON.stringify(event))?.();
  });
  return {
    of: (events: readonly ClusterEvent[]) =>
      heard.filter((event) => events.some((wanted) => JSON.stringify(wanted) === JSON.stringify(event))),
    async until(event: ClusterEvent) {
      const key = JSON.stringify(event);
      if (heard.some((other) => JSON.stringify(other) === key)) return;
      await new Promise<void>((resolve) => waiting.set(key, resolve));
    },
  };
}

async function expectRefused(bus: EventBus): Promise<void> {
  const before = performance.now();
  await expect(bus.publish(previewChanged())).rejects.toBeInstanceOf(EventNotPublishedError);
  expect(performance.now() - before).toBeLessThan(3_000);
}

function connectAdmin(): Redis {
  const admin = new Redis(redisUrl);
  cleanUp.push(() => admin.quit());
  return admin;
}

async function killClients(name: string): Promise<number> {
  const admin = connectAdmin();
  const list = (await admin.client('LIST')) as string;
  const ids = list
    .split('\n')
    .filter((line) => line.includes(`name=${name}`))
    .map((line) => /^id=(\d+)/.exec(line)![1]);
  for (const id of ids) await admin.client('KILL', 'ID', id);
  return ids.length;
}

/** A port that forwards to Redis, or to nothing. */
class Proxy {
  private readonly sockets = new Set<Socket>();
  private server: Server;
  readonly port: number;

  private constructor(server: Server) {
    this.server = server;
    this.port = (server.address() as AddressInfo).port;
    server.on('connection', (socket) => this.forward(socket));
  }

  static async start(): Promise<Proxy> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const proxy = new Proxy(server);
    cleanUp.push(() => proxy.stop());
    return proxy;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  async stop(): Promise<void> {
    if (!this.server.listening) return;
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
    await once(this.server, 'close');
  }

  async restart(): Promise<void> {
    this.server = createServer((socket) => this.forward(socket)).listen(this.port, '127.0.0.1');
    await once(this.server, 'listening');
  }

  private forward(client: Socket): void {
    const target = new URL(redisUrl);
    const upstream = connect(Number(target.port || 6379), target.hostname);
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      this.sockets.add(from);
      from.pipe(to);
      from.on('error', () => to.destroy());
      from.on('close', () => {
        this.sockets.delete(from);
        to.destroy();
      });
    }
  }
}
