import { describe, expect, it } from 'vitest';
import { ProtocolError } from './errors.js';
import { decodeHello, decodeWelcome, encodeHello, encodeWelcome } from './handshake.js';
import { tunnelSettings } from './settings.js';
import { HELLO, TARGET, WELCOME } from './spec/raw-peer.js';
import { decodeTarget, encodeTarget } from './target.js';

const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
const without = (value: object, name: string): object =>
  Object.fromEntries(Object.entries(value).filter(([key]) => key !== name));

describe('HELLO', () => {
  it('arrives as it was sent', () => {
    expect(decodeHello(encodeHello(HELLO, 7))).toEqual({ ...HELLO, maxStreams: 7 });
  });

  it('names the edges that the process has tunnels to, and no more than 8', () => {
    const edges = Array.from({ length: 9 }, (_, n) => `edge-${n}`);
    expect(decodeHello(encodeHello({ ...HELLO, edges }, 7)).edges).toEqual(edges.slice(0, 8));
    expect(decodeHello(encodeHello({ ...HELLO, edges: [] }, 7))).not.toHaveProperty('edges');
  });

  it('names the machines that the process has tunnels to, no more than 8, and how many tunnels it wants', () => {
    const machines = Array.from({ length: 9 }, (_, n) => `machine-${n}`);
    const hello = decodeHello(encodeHello({ ...HELLO, machines, wantedTunnels: 3 }, 7));
    expect(hello).toEqual({ ...HELLO, maxStreams: 7, machines: machines.slice(0, 8), wantedTunnels: 3 });
    for (const member of ['machines', 'wantedTunnels'])
      expect(decodeHello(encodeHello({ ...HELLO, machines: [] }, 7))).not.toHaveProperty(member);
  });

  it('may leave maxStreams out and hold unknown members', () => {
    expect(decodeHello(json({ ...HELLO, future: { a: [1] } })).maxStreams).toBeNull();
  });

  it('may hold the longest strings in four-byte characters', () => {
    const hello = { ...HELLO, managerId: '😀'.repeat(64), clusterId: '😀'.repeat(64), name: '😀'.repeat(64) };
    const id = '😀'.repeat(32);
    const edges = Array.from({ length: 8 }, () => id);
    const encoded = encodeHello({ ...hello, version: id, instanceId: id, edges, machines: edges }, 65_535);
    expect(encoded.length).toBeLessThanOrEqual(4096);
    expect(decodeHello(encoded).name).toBe(hello.name);
  });

  it.each(['versions', 'managerId', 'clusterId', 'name', 'version', 'instanceId'])('needs %s', (name) => {
    expect(() => decodeHello(json(without(HELLO, name)))).toThrow(ProtocolError);
  });

  it.each([
    ['no versions', { versions: [] }],
    ['too many versions', { versions: Array.from({ length: 17 }, () => 1) }],
    ['a version that is not an integer', { versions: [1.5] }],
    ['versions that are not an array', { versions: 1 }],
    ['an empty manager id', { managerId: '' }],
    ['a manager id that is too long', { managerId: 'x'.repeat(129) }],
    ['a manager id that is not a string', { managerId: 5 }],
    ['a control character', { name: 'a\u0000b' }],
    ['a line feed', { managerId: 'a\nb' }],
    ['a C1 control character', { name: '\u0085' }],
    ['a lone surrogate', { name: '\ud800' }],
    ['a version that is too long', { version: 'x'.repeat(65) }],
    ['an instance id that is too long', { instanceId: 'x'.repeat(65) }],
    ['a negative maxStreams', { maxStreams: -1 }],
    ['a maxStreams of null', { maxStreams: null }],
    ['a maxStreams that is too large', { maxStreams: 65_536 }],
    ['more than 8 edges', { edges: Array.from({ length: 9 }, () => 'e') }],
    ['an edge without an id', { edges: ['e', ''] }],
    ['an edge whose id is too long', { edges: ['x'.repeat(65)] }],
    ['an edge whose id is not a string', { edges: [1] }],
    ['more than 8 machines', { machines: Array.from({ length: 9 }, () => 'm') }],
    ['a machine whose id is too long', { machines: ['x'.repeat(65)] }],
    ['no wanted tunnel', { wantedTunnels: 0 }],
    ['more wanted tunnels than there can be', { wantedTunnels: 65 }],
    ['wanted tunnels that are not a number', { wantedTunnels: 'all' }],
    ['an edge whose id has a line feed', { edges: ['a\nb'] }],
    ['edges that are not an array', { edges: 'e' }],
    ['edges of null', { edges: null }],
  ])('is refused with %s', (_case, change) => {
    expect(() => decodeHello(json({ ...HELLO, ...change }))).toThrow(ProtocolError);
  });

  it.each([
    '',
    '{',
    '[]',
    'null',
    '"x"',
    '5',
    '[['.repeat(2000),
    '\ufeff{}',
    '{"__proto__":{"managerId":"x"}}',
  ])('is refused when it is %j', (text) => {
    expect(() => decodeHello(Buffer.from(text))).toThrow(ProtocolError);
  });
});

describe('WELCOME', () => {
  it('arrives as it was sent', () => {
    expect(decodeWelcome(encodeWelcome(WELCOME))).toEqual(WELCOME);
  });

  it('may say which edge was reached', () => {
    expect(decodeWelcome(encodeWelcome({ ...WELCOME, edgeId: 'edge-1' })).edgeId).toBe('edge-1');
    expect(decodeWelcome(encodeWelcome(WELCOME))).not.toHaveProperty('edgeId');
    expect(decodeWelcome(encodeWelcome({ ...WELCOME, machineId: 'machine-1' })).machineId).toBe('machine-1');
    expect(() => decodeWelcome(json({ ...WELCOME, machineId: '' }))).toThrow(ProtocolError);
  });

  it.each(Object.keys(WELCOME))('needs %s', (name) => {
    expect(() => decodeWelcome(json(without(WELCOME, name)))).toThrow(ProtocolError);
  });

  it.each([
    ['another version', { version: 2 }],
    ['windows that are too small', { windowBytes: 16_383 }],
    ['windows that are too large', { windowBytes: 1_048_577 }],
    ['a largest window below the first one', { windowBytes: 65_536, maxWindowBytes: 32_768 }],
    ['no streams', { maxStreams: 0 }],
    ['pings without pause', { pingIntervalMs: 1 }],
    ['a timeout that no ping can meet', { pingIntervalMs: 1000, pingTimeoutMs: 1000 }],
    ['a boolean as text', { resumed: 'true' }],
    ['an empty edge id', { edgeId: '' }],
    ['an edge id that is too long', { edgeId: 'x'.repeat(65) }],
    ['an edge id that is not a string', { edgeId: 7 }],
  ])('is refused with %s', (_case, change) => {
    expect(() => decodeWelcome(json({ ...WELCOME, ...change }))).toThrow(ProtocolError);
  });
});

describe('the target of OPEN', () => {
  const credit = Buffer.alloc(4);
  const decode = (value: unknown) => decodeTarget(Buffer.concat([credit, json(value)]));

  it('arrives as it was sent', () => {
    for (const target of [
      TARGET,
      { ...TARGET, tls: true, alpn: 'h2' as const },
      { ...TARGET, tls: true, alpn: 'http/1.1' as const },
    ]) {
      expect(decodeTarget(Buffer.concat([credit, encodeTarget(target)!]))).toStrictEqual(target);
    }
  });

  it('holds members of later versions that are ignored', () => {
    expect(decode({ ...TARGET, color: 'red' })).toStrictEqual(TARGET);
  });

  it.each(Object.keys(TARGET))('needs %s', (name) => {
    expect(() => decode(without(TARGET, name))).toThrow(ProtocolError);
  });

  const bad: [string, object][] = [
    ['an empty intercept id', { interceptId: '' }],
    ['an empty host', { host: '' }],
    ['a host with a line feed', { host: 'a\nb' }],
    ['a host that is too long', { host: 'x'.repeat(256) }],
    ['port 0', { port: 0 }],
    ['port 65536', { port: 65_536 }],
    ['a port that is not an integer', { port: 80.5 }],
    ['an unknown protocol for ALPN', { tls: true, alpn: 'h3' }],
    ['a protocol for ALPN in another case', { tls: true, alpn: 'H2' }],
    ['a list of protocols for ALPN', { tls: true, alpn: ['h2'] }],
    ['null for ALPN', { tls: true, alpn: null }],
    ['ALPN without TLS', { alpn: 'h2' }],
  ];
  it.each(bad)('is refused with %s', (_case, change) => {
    expect(() => decode({ ...TARGET, ...change })).toThrow(ProtocolError);
  });
  it.each(bad)('is not sent with %s', (_case, change) => {
    expect(encodeTarget({ ...TARGET, ...change })).toBeNull();
  });

  it('is not sent when it exceeds a frame', () => {
    expect(encodeTarget({ ...TARGET, interceptId: '"'.repeat(512), host: '€'.repeat(255) })).not.toBeNull();
    expect(
      encodeTarget({ ...TARGET, interceptId: '\\'.repeat(512), host: '\u2028'.repeat(255) }),
    ).not.toBeNull();
  });
});

describe('tunnelSettings', () => {
  it('give a tunnel 64 MiB by default', () => {
    expect(tunnelSettings().receiveBudgetBytes).toBe(64 * 1024 * 1024);
  });

  it('give more streams more memory', () => {
    expect(tunnelSettings({ maxStreams: 2048 }).receiveBudgetBytes).toBe(128 * 1024 * 1024);
  });

  it.each([
    ['maxStreams', { maxStreams: 0 }],
    ['windowBytes', { windowBytes: 1000 }],
    ['maxWindowBytes', { maxWindowBytes: 16_384 }],
    ['receiveBudgetBytes', { receiveBudgetBytes: 1_000_000 }],
    ['pingIntervalMs', { pingIntervalMs: 1.5 }],
    ['pingTimeoutMs', { pingTimeoutMs: 2000 }],
    ['handshakeTimeoutMs', { handshakeTimeoutMs: Number.NaN }],
  ])('name %s when it makes no sense', (name, changes) => {
    expect(() => tunnelSettings(changes)).toThrow(RangeError);
    expect(() => tunnelSettings(changes)).toThrow(name);
  });
});
