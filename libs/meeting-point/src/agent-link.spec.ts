/** An agent's link over real sockets, against a scripted meeting point. */
import { type DialerPeer, Deferred, MeetingPointDouble } from '@culvert/testkit';
import { GoAwayCode, ResetCode, type StreamHandler } from '@culvert/tunnel';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AgentLink, type AgentLinkOptions } from './agent-link.js';
import type { LookedFor } from './messages.js';

let cleanUps: (() => unknown)[];
let meetingPoint: MeetingPointDouble;
/** Every list that the agent received. */
let lists: string[][];

beforeEach(async () => {
  cleanUps = [];
  lists = [];
  meetingPoint = await start();
});
afterEach(async () => {
  for (const cleanUp of cleanUps.toReversed()) await cleanUp();
});

async function start(port = 0): Promise<MeetingPointDouble> {
  const started = await MeetingPointDouble.start(port);
  cleanUps.push(() => started.stop().catch(() => undefined));
  return started;
}

function link(changes: Partial<AgentLinkOptions> = {}, at = meetingPoint.url): AgentLink {
  const started = new AgentLink({
    url: at,
    credential: () => Promise.resolve('secret-of-the-cluster'),
    id: 'shop/orders-1',
    name: 'orders-1',
    version: '1.2.3',
    announcement: {
      workload: 'orders',
      namespace: 'shop',
      kind: 'Deployment',
      pod: 'orders-1',
      ports: [{ port: 8080, name: 'http' }],
    },
    onIntercepts: (intercepts) => {
      lists.push(intercepts.map(({ id }) => id));
      return [];
    },
    ...changes,
  });
  cleanUps.push(() => started.close());
  return started;
}

const intercept = (id: string): LookedFor => ({ id, port: 0, headers: [], acceptedIds: [id] });
const listOf = (revision: number, ...ids: string[]) => ({
  type: 'intercepts',
  revision,
  intercepts: ids.map(intercept),
});
const silent: StreamHandler = {
  onOpen: () => undefined,
  onData: () => undefined,
  onEnd: () => undefined,
  onReset: () => undefined,
  onDrain: () => undefined,
};

/** Returns the agent's next peer, with its announcement read. */
async function peer(): Promise<DialerPeer> {
  const next = await meetingPoint.nextPeer();
  await next.nextLine();
  return next;
}

describe('the link of an agent', () => {
  it('sends its credential and identity, and announces its workload first', async () => {
    link();
    const { controlTarget, hello, nextLine } = await meetingPoint.nextPeer().then((next) => ({
      controlTarget: next.controlTarget,
      hello: next.hello,
      nextLine: next.nextLine(),
    }));
    expect(meetingPoint.upgrades).toEqual([
      { path: '/cluster/v1', authorization: 'Bearer secret-of-the-cluster' },
    ]);
    expect(hello).toMatchObject({ managerId: 'shop/orders-1', name: 'orders-1', version: '1.2.3' });
    expect(controlTarget).toMatchObject({ interceptId: 'culvert:control', host: 'control', port: 1 });
    expect(await nextLine).toEqual({
      type: 'agent',
      workload: 'orders',
      namespace: 'shop',
      kind: 'Deployment',
      pod: 'orders-1',
      ports: [{ port: 8080, name: 'http' }],
    });
  });

  it('confirms each list with its revision, and reports what it cannot look for', async () => {
    link({
      onIntercepts: (all) => all.filter(({ id }) => id === 'b').map(({ id }) => ({ id, message: 'no' })),
    });
    const manager = await peer();
    manager.send(listOf(1, 'a'));
    manager.send(listOf(2, 'a', 'b'));
    expect(await manager.nextLine()).toEqual({ type: 'applied', revision: 1, errors: [] });
    expect(await manager.nextLine()).toEqual({
      type: 'applied',
      revision: 2,
      errors: [{ id: 'b', message: 'no' }],
    });
  });

  it('reads lines wherever they are split', async () => {
    link();
    const manager = await peer();
    const bytes = Buffer.from(`${JSON.stringify(listOf(1, 'ä€'))}\n${JSON.stringify(listOf(2))}\n`);
    for (const byte of bytes) manager.write(Buffer.from([byte]));
    expect(await manager.nextLine()).toMatchObject({ revision: 1 });
    expect(await manager.nextLine()).toMatchObject({ revision: 2 });
    expect(lists).toEqual([['ä€'], []]);
  });

  it.each([
    ['of a type it does not know', { type: 'from-the-future', intercepts: [] }],
    ['without a revision', { type: 'intercepts', intercepts: [] }],
    ['with more intercepts than there may be', listOf(1, ...Array.from({ length: 65 }, String))],
    ['with a port that is none', { ...listOf(1), intercepts: [{ ...intercept('a'), port: 70_000 }] }],
    ['with a rule that is none', { ...listOf(1), intercepts: [{ ...intercept('a'), headers: [{}] }] }],
    ['with control characters in an id', listOf(1, 'a\u0000b')],
  ])('continues after a line %s', async (_, line) => {
    link();
    const manager = await peer();
    manager.send(line);
    manager.send(listOf(7, 'a'));
    expect(await manager.nextLine()).toMatchObject({ type: 'applied', revision: 7 });
    expect(lists).toEqual([['a']]);
  });

  it.each([
    ['that is not JSON', 'hello\n', 'a control line is not JSON'],
    ['that is empty', '\n', 'a control line is not JSON'],
    ['that is not an object', '["intercepts"]\n', 'a control line is not an object with a type'],
    ['that is null', 'null\n', 'a control line is not an object with a type'],
    ['whose type is not text', '{"type":7}\n', 'a control line is not an object with a type'],
    [
      'whose type is inherited',
      '{"__proto__":{"type":"intercepts"}}\n',
      'a control line is not an object with a type',
    ],
    ['that is too long', `{"type":"${'x'.repeat(262_144)}"}\n`, 'a control line is too long'],
    ['that never ends', 'x'.repeat(262_144), 'a control line is too long'],
  ])('disconnects on a line %s, looks for nothing, and reconnects', async (_, text, reason) => {
    link();
    const manager = await peer();
    manager.send(listOf(1, 'a'));
    await manager.nextLine();
    manager.write(text);
    expect(await manager.closed).toEqual({ code: GoAwayCode.PROTOCOL_ERROR, reason });
    expect(lists).toEqual([['a'], []]);
    // Lines after this one no longer matter.
    (await peer()).send(listOf(1, 'b'));
    await expect.poll(() => lists, { interval: 1 }).toEqual([['a'], [], ['b']]);
  });

  it('accepts the longest allowed line', async () => {
    link();
    const manager = await peer();
    const empty = JSON.stringify({ ...listOf(3), padding: '' });
    manager.send({ ...listOf(3), padding: 'x'.repeat(262_143 - empty.length) });
    expect(await manager.nextLine()).toMatchObject({ revision: 3 });
  });
});

describe('an agent that loses its tunnel', () => {
  it('looks for nothing at once, reconnects, and receives the list again', async () => {
    const agent = link();
    const { port } = meetingPoint.url;
    const manager = await peer();
    manager.send(listOf(5, 'a'));
    await manager.nextLine();
    expect(agent.isConnected).toBe(true);
    await meetingPoint.stop();
    await expect.poll(() => lists, { interval: 1 }).toEqual([['a'], []]);
    expect(agent.isConnected).toBe(false);
    expect(agent.origin).toBeNull();
    expect(agent.openStream('a', 8080, silent)).toBeNull();
    meetingPoint = await start(Number(port));
    const again = await peer();
    // From the same process, so that the manager knows that this one supersedes the other.
    expect(again.hello).toEqual(manager.hello);
    again.send(listOf(1, 'a'));
    expect(await again.nextLine()).toMatchObject({ revision: 1 });
    expect(lists).toEqual([['a'], [], ['a']]);
  });

  it('reconnects when it loses its control stream', async () => {
    link();
    const manager = await peer();
    manager.endControl();
    expect((await manager.closed).reason).toBe('the control stream has ended');
    await peer();
  });

  it('finishes its streams after a GOAWAY and opens others on the next tunnel', async () => {
    const agent = link();
    const old = await peer();
    const reset = new Deferred<ResetCode>();
    const stream = agent.openStream('a', 8080, { ...silent, onReset: (code) => reset.resolve(code) })!;
    old.tunnel.goAway(GoAwayCode.SHUTTING_DOWN, 'the traffic manager is stopping', { graceMs: 60_000 });
    const next = await peer();
    await expect.poll(() => agent.isConnected, { interval: 1 }).toBe(true);
    expect(stream.isOpen).toBe(true);
    // Only that one, no control stream.
    await expect.poll(() => old.tunnel.streamCount, { interval: 1 }).toBe(1);
    expect(agent.origin).not.toBeNull();
    expect(agent.openStream('a', 8080, silent)).not.toBeNull();
    expect(next.tunnel.streamCount).toBeGreaterThan(0);
    old.tunnel.close(GoAwayCode.NORMAL, 'over');
    expect(await reset.promise).toBe(ResetCode.TUNNEL_LOST);
    // The loss of the old one no longer matters.
    next.send(listOf(1, 'a'));
    await next.nextLine();
    expect(lists.at(-1)).toEqual(['a']);
  });
});

describe('an agent that is refused', () => {
  it.each([401, 403, 429, 503])('receives the status %i, and looks for nothing', async (status) => {
    meetingPoint.refuseWith = status;
    const refused = new Deferred<number | null>();
    const agent = link({ events: { onRefused: (answered) => refused.resolve(answered) } });
    expect(await refused.promise).toBe(status);
    expect(agent.isConnected).toBe(false);
    expect(lists).toEqual([]);
  });

  it('reports that nothing answers, and connects once something does', async () => {
    const { url } = meetingPoint;
    await meetingPoint.stop();
    const refused = new Deferred<number | null>();
    link({ events: { onRefused: (answered) => refused.resolve(answered) } }, url);
    expect(await refused.promise).toBeNull();
    meetingPoint = await start(Number(url.port));
    await peer();
  });

  it('reports that its credential cannot be read, and does not dial', async () => {
    const failed = new Deferred<unknown>();
    link({
      credential: () => Promise.reject(new Error('no such file')),
      events: { onCredentialError: (error) => failed.resolve(error) },
    });
    expect(await failed.promise).toEqual(new Error('no such file'));
    expect(meetingPoint.upgrades).toEqual([]);
  });
});
