import type { Announcement, InterceptDraft, InterceptInfo, LookedFor } from '@culvert/meeting-point';
import type { Tunnel } from '@culvert/tunnel';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Registry } from './registry.js';
import type { AgentPort, ClientPort, CreateResult } from './registry.js';

const GRACE_MS = 60_000;

let registry: Registry;
beforeEach(() => {
  vi.useFakeTimers();
  registry = new Registry({ clientGraceMs: GRACE_MS, onChange: () => undefined });
});
afterEach(() => {
  registry.close();
  vi.useRealTimers();
});

interface FakeAgent extends AgentPort {
  /** The lists it received, the newest last. */
  readonly sent: { readonly revision: number; readonly intercepts: readonly LookedFor[] }[];
  confirm(errors?: { id: string; message: string }[]): void;
}

function agent(id: string, changes: Partial<Announcement> = {}): FakeAgent {
  const sent: FakeAgent['sent'] = [];
  const port: FakeAgent = {
    id,
    sent,
    announcement: {
      workload: 'orders',
      namespace: 'shop',
      kind: 'Deployment',
      pod: `${id}-pod`,
      ports: [{ port: 8080, name: 'http' }],
      ...changes,
    },
    sendIntercepts: (revision, intercepts) => void sent.push({ revision, intercepts }),
    confirm: (errors = []) => registry.handleApplied(port, sent.at(-1)!.revision, errors),
  };
  registry.addAgent(port);
  return port;
}

interface FakeClient extends ClientPort {
  readonly told: InterceptInfo[];
}

function client(id: string, state: Tunnel['state'] = 'open'): FakeClient {
  const told: InterceptInfo[] = [];
  return {
    id,
    name: `${id}@laptop`,
    tunnel: { state } as Tunnel,
    told,
    sendIntercept: (intercept) => void told.push(intercept),
  };
}

function draft(changes: Partial<InterceptDraft> = {}): InterceptDraft {
  return {
    name: 'orders',
    workload: 'orders',
    namespace: 'shop',
    kind: 'Deployment',
    port: '',
    headers: [{ name: 'x-dev', value: 'alice' }],
    targetHost: '127.0.0.1',
    targetPort: 3000,
    ...changes,
  };
}

function created(result: CreateResult): InterceptInfo {
  if (!result.ok) throw new Error(result.message);
  return result.intercept;
}

function disposition(id: string): string | undefined {
  return registry.list().find((intercept) => intercept.id === id)?.disposition;
}

describe('an intercept', () => {
  it('is active once every agent of its workload has confirmed it', () => {
    const first = agent('a1');
    const second = agent('a2');
    const alice = client('alice');
    const { id, disposition: atFirst } = created(registry.create(alice, draft()));
    expect(atFirst).toBe('WAITING');
    first.confirm();
    expect(disposition(id)).toBe('WAITING');
    second.confirm();
    expect(disposition(id)).toBe('ACTIVE');
    expect(alice.told.map((info) => info.disposition)).toEqual(['WAITING', 'ACTIVE']);
  });

  it('stays active while an additional agent has not confirmed yet', () => {
    const first = agent('a1');
    const { id } = created(registry.create(client('alice'), draft()));
    first.confirm();
    agent('a2');
    expect(disposition(id)).toBe('ACTIVE');
  });

  it('waits for an agent, and has none again when the last one leaves', () => {
    const { id, disposition: atFirst, message } = created(registry.create(client('alice'), draft()));
    expect([atFirst, message]).toEqual([
      'NO_AGENT',
      'no traffic agent of Deployment orders in shop is connected',
    ]);
    const late = agent('a1');
    late.confirm();
    expect(disposition(id)).toBe('ACTIVE');
    registry.removeAgent(late);
    expect(disposition(id)).toBe('NO_AGENT');
  });

  it.each([
    ['another namespace', { namespace: 'other' }],
    ['another workload', { workload: 'invoices' }],
    ['another kind', { kind: 'StatefulSet' }],
  ])('does not concern an agent of %s', (_, changes) => {
    const other = agent('a1', changes);
    expect(created(registry.create(client('alice'), draft())).disposition).toBe('NO_AGENT');
    expect(other.sent).toEqual([{ revision: 1, intercepts: [] }]);
  });

  it('of one port is looked for on that port only, by number or name', () => {
    const both = agent('a1', {
      ports: [
        { port: 8080, name: 'http' },
        { port: 9000, name: 'admin' },
      ],
    });
    created(registry.create(client('alice'), draft({ port: '8080' })));
    created(registry.create(client('bob'), draft({ port: 'admin' })));
    expect(both.sent.at(-1)!.intercepts.map(({ port }) => port)).toEqual([8080, 9000]);
    const missing = created(registry.create(client('carol'), draft({ port: 'grpc', name: 'c' })));
    expect([missing.disposition, missing.message]).toEqual([
      'NO_PORTS',
      'no traffic agent of Deployment orders in shop has the port grpc',
    ]);
  });

  it("shows an agent's error", () => {
    const only = agent('a1');
    const { id } = created(registry.create(client('alice'), draft()));
    only.confirm([{ id, message: 'no such expression' }]);
    expect(registry.list()[0]).toMatchObject({
      disposition: 'AGENT_ERROR',
      message: 'a1-pod: no such expression',
    });
  });

  it('ignores an agent that confirms what it was never sent', () => {
    const only = agent('a1');
    const { id } = created(registry.create(client('alice'), draft()));
    registry.handleApplied(only, 99, []);
    expect(disposition(id)).toBe('WAITING');
  });

  it("is sent to agents with its own id and Culvert's", () => {
    const only = agent('a1');
    const { id } = created(registry.create(client('alice'), draft()));
    registry.setCulvertId(id, 'cloud:orders');
    expect(only.sent.at(-1)!.intercepts[0].acceptedIds).toEqual([id, 'cloud:orders']);
  });

  // The intercept went back to waiting for the agent: its client printed it twice, and Culvert was informed that no agent
  // routes its requests.
  it('stays active when Culvert gives it an id, and its client learns the id', () => {
    const only = agent('a1');
    const alice = client('alice');
    const { id } = created(registry.create(alice, draft()));
    only.confirm();
    registry.setCulvertId(id, 'cloud:orders');
    expect(disposition(id)).toBe('ACTIVE');
    only.confirm();
    expect(alice.told.map((info) => [info.disposition, info.culvertId])).toEqual([
      ['ACTIVE', null],
      ['ACTIVE', 'cloud:orders'],
    ]);
  });

  it('waits again when its client changes its headers', () => {
    const only = agent('a1');
    const alice = client('alice');
    const { id } = created(registry.create(alice, draft()));
    only.confirm();
    registry.create(alice, draft({ headers: [{ name: 'x-dev', value: 'bob' }] }));
    expect(disposition(id)).toBe('WAITING');
    only.confirm();
    expect(disposition(id)).toBe('ACTIVE');
  });
});

describe('a client of the registry', () => {
  it('keeps its intercepts for a while when it is away, inactive', () => {
    const only = agent('a1');
    const alice = client('alice');
    const { id } = created(registry.create(alice, draft()));
    only.confirm();
    registry.removeClient(alice);
    expect(disposition(id)).toBe('NO_CLIENT');
    expect(only.sent.at(-1)!.intercepts).toEqual([]);
    vi.advanceTimersByTime(GRACE_MS);
    expect(registry.list()).toEqual([]);
  });

  it('resumes under the same id when it returns in time', () => {
    const alice = client('alice');
    const { id } = created(registry.create(alice, draft()));
    registry.setCulvertId(id, 'cloud:orders');
    registry.removeClient(alice);
    vi.advanceTimersByTime(GRACE_MS - 1);
    expect(created(registry.create(client('alice'), draft()))).toMatchObject({
      id,
      culvertId: 'cloud:orders',
    });
    vi.advanceTimersByTime(GRACE_MS);
    expect(registry.list()).toHaveLength(1);
  });

  it('has the same intercept ids at another manager', () => {
    const { id } = created(registry.create(client('alice'), draft()));
    const other = new Registry({ clientGraceMs: GRACE_MS, onChange: () => undefined });
    expect(created(other.create(client('alice'), draft())).id).toBe(id);
    expect(created(other.create(client('bob'), draft({ headers: [] }))).id).not.toBe(id);
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}:orders$/);
  });

  it('changes an intercept by creating it again', () => {
    const only = agent('a1');
    const alice = client('alice');
    const { id } = created(registry.create(alice, draft()));
    only.confirm();
    created(registry.create(alice, draft({ headers: [{ name: 'X-Dev', value: 'al' }] })));
    expect(registry.list()).toHaveLength(1);
    expect(only.sent.at(-1)!.intercepts[0]).toMatchObject({ id, headers: [{ name: 'x-dev', value: 'al' }] });
  });

  it('keeps an intercept until both of its processes are gone, and the newer one gets the streams', () => {
    const older = client('alice');
    const newer = client('alice');
    const { id } = created(registry.create(older, draft()));
    created(registry.create(newer, draft()));
    expect(registry.tunnelsTo(id)).toEqual([newer.tunnel, older.tunnel]);
    expect(registry.remove(newer, id)).toEqual({ isLast: false });
    expect(registry.tunnelsTo(id)).toEqual([older.tunnel]);
    expect(registry.remove(older, id)).toEqual({ isLast: true });
    expect(registry.list()).toEqual([]);
  });

  it('gets no streams on a tunnel that is going away', () => {
    const leaving = client('alice', 'draining');
    const { id } = created(registry.create(leaving, draft()));
    expect(registry.tunnelsTo(id)).toEqual([]);
  });

  it('cannot remove an intercept of another client', () => {
    const { id } = created(registry.create(client('alice'), draft()));
    expect(registry.remove(client('bob'), id)).toBeNull();
    expect(registry.remove(client('alice'), 'unknown')).toBeNull();
    expect(registry.list()).toHaveLength(1);
  });
});

describe('two clients', () => {
  it('intercept one workload with different headers, the older first', () => {
    const only = agent('a1');
    created(registry.create(client('alice'), draft()));
    created(registry.create(client('bob'), draft({ headers: [{ name: 'x-dev', value: 'bob' }] })));
    expect(only.sent.at(-1)!.intercepts.map(({ headers }) => headers)).toEqual([
      [{ name: 'x-dev', value: 'alice' }],
      [{ name: 'x-dev', value: 'bob' }],
    ]);
  });

  it('cannot have the same headers: the second learns who has them', () => {
    created(registry.create(client('alice'), draft()));
    expect(registry.create(client('bob'), draft({ name: 'mine' }))).toEqual({
      ok: false,
      code: 'CONFLICT',
      message:
        'alice@laptop already intercepts orders in shop with x-dev=alice (intercept orders): use another header or value',
    });
    expect(registry.create(client('bob'), draft({ port: '9000' })).ok).toBe(false);
  });

  it('may have the same headers on different ports, and intercepts without headers', () => {
    created(registry.create(client('alice'), draft({ port: '8080' })));
    created(registry.create(client('bob'), draft({ port: '9000' })));
    created(registry.create(client('carol'), draft({ headers: [] })));
    created(registry.create(client('dave'), draft({ headers: [] })));
    expect(registry.list()).toHaveLength(4);
  });

  it('a client that is away loses its headers to one that asks for them', () => {
    const alice = client('alice');
    created(registry.create(alice, draft()));
    registry.removeClient(alice);
    const { id } = created(registry.create(client('bob'), draft()));
    expect(registry.list().map((intercept) => intercept.id)).toEqual([id]);
  });
});

describe('limits of the registry', () => {
  it('refuse a header rule that cannot be matched, and explain why', () => {
    expect(registry.create(client('alice'), draft({ headers: [{ name: 'x', pattern: '(' }] }))).toMatchObject(
      {
        ok: false,
        code: 'BAD_ARGS',
      },
    );
    expect(registry.list()).toEqual([]);
  });

  it('allow a client 32 intercepts, and a workload 64', () => {
    const make = (who: string, i: number): CreateResult =>
      registry.create(client(who), draft({ name: `i${i}`, headers: [{ name: 'x', value: `${who}${i}` }] }));
    for (let i = 0; i < 32; i++) created(make('alice', i));
    expect(make('alice', 32)).toMatchObject({
      code: 'LIMIT',
      message: 'a client can have at most 32 intercepts',
    });
    for (let i = 0; i < 32; i++) created(make('bob', i));
    expect(make('carol', 0)).toMatchObject({
      code: 'LIMIT',
      message: 'a workload can have at most 64 intercepts',
    });
    // Existing intercepts may still be changed.
    created(make('alice', 0));
  });

  it('allow a workload as many header rules as fit in one control line', () => {
    const only = agent('a1');
    const rules = Array.from({ length: 8 }, (_, i) => ({ name: `x-${i}`, value: '"'.repeat(1024) }));
    const clients = ['a', 'b', 'c', 'd'].map((name) => client(name));
    const make = (i: number, headers = rules): CreateResult =>
      registry.create(
        clients[i % 4],
        draft({ name: 'n'.repeat(195) + i, headers: [{ name: 'x-i', value: `${i}` }, ...headers.slice(1)] }),
      );
    const made: string[] = [];
    for (let result = make(0); result.ok; result = make(made.length)) made.push(result.intercept.id);
    expect(make(made.length)).toMatchObject({
      code: 'LIMIT',
      message: 'the header rules of all intercepts of a workload can have at most 131072 bytes',
    });
    registry.remove(clients[(made.length - 1) % 4], made.at(-1)!);
    // A change must not exceed the limit either.
    const small = draft({ headers: [{ name: 'x', value: 'small' }] });
    const { id } = created(registry.create(client('eve'), small));
    expect(registry.create(client('eve'), { ...small, headers: rules })).toMatchObject({ code: 'LIMIT' });
    for (let i = registry.list().length; i < 64; i++) created(make(i, []));
    for (const intercept of registry.list()) registry.setCulvertId(intercept.id, 'c'.repeat(300));
    expect(JSON.stringify({ type: 'intercepts', ...only.sent.at(-1) }).length).toBeLessThan(262_144);
    expect(only.sent.at(-1)!.intercepts.some((intercept) => intercept.id === id)).toBe(true);
  });
});

describe('an agent in the registry', () => {
  it('replaces its older connection when it connects again', () => {
    const older = agent('a1');
    const { id } = created(registry.create(client('alice'), draft()));
    const newer = agent('a1');
    registry.removeAgent(older);
    older.confirm();
    expect(disposition(id)).toBe('WAITING');
    newer.confirm();
    expect(disposition(id)).toBe('ACTIVE');
    expect(registry.workloads()).toEqual([
      {
        workload: 'orders',
        namespace: 'shop',
        kind: 'Deployment',
        agents: 1,
        ports: [{ port: 8080, name: 'http' }],
      },
    ]);
  });

  it('is not sent what it knows already', () => {
    const only = agent('a1');
    const alice = client('alice');
    created(registry.create(alice, draft()));
    created(registry.create(alice, draft()));
    expect(only.sent).toHaveLength(2);
  });
});
