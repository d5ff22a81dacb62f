import { describe, expect, it } from 'vitest';
import { parseRedisAddress } from './redis-address.js';

const NOBODY = {
  connectionName: undefined,
  family: 0,
  username: undefined,
  password: undefined,
  sentinelUsername: undefined,
  sentinelPassword: undefined,
};

const NAMELESS = { connectionName: undefined, family: 0 };

describe('parseRedisAddress', () => {
  it('reads one server, with and without TLS, credentials and database', () => {
    expect(parseRedisAddress('redis://redis')).toEqual({
      mode: 'single',
      isTls: false,
      nodes: [{ host: 'redis', port: 6379 }],
      masterName: '',
      database: 0,
      ...NOBODY,
    });
    expect(parseRedisAddress('rediss://ann:p%40ss:w@[::1]:7000/3')).toEqual({
      mode: 'single',
      isTls: true,
      nodes: [{ host: '::1', port: 7000 }],
      masterName: '',
      database: 3,
      ...NOBODY,
      username: 'ann',
      password: 'p@ss:w',
    });
    expect(parseRedisAddress('redis://:secret@redis:6379/')).toMatchObject({
      username: undefined,
      password: 'secret',
    });
  });

  it('reads Sentinels with the name of their master and their own credentials', () => {
    expect(
      parseRedisAddress(
        'rediss+sentinel://:data@s1,s2:26380/main/2?sentinelUsername=u&sentinelPassword=p%2Fq',
      ),
    ).toEqual({
      mode: 'sentinel',
      isTls: true,
      nodes: [
        { host: 's1', port: 26_379 },
        { host: 's2', port: 26_380 },
      ],
      masterName: 'main',
      database: 2,
      username: undefined,
      password: 'data',
      ...NAMELESS,
      sentinelUsername: 'u',
      sentinelPassword: 'p/q',
    });
  });

  it('reads the name of connections and the IP version', () => {
    expect(parseRedisAddress('redis://redis/0?connectionName=edge%201&family=6')).toMatchObject({
      connectionName: 'edge 1',
      family: 6,
    });
  });

  it('reads nodes of a cluster', () => {
    expect(parseRedisAddress('redis+cluster://user:secret@n1:7000,n2:7001')).toMatchObject({
      mode: 'cluster',
      isTls: false,
      nodes: [
        { host: 'n1', port: 7000 },
        { host: 'n2', port: 7001 },
      ],
      database: 0,
      username: 'user',
      password: 'secret',
    });
  });

  it.each([
    ['another protocol', 'http://redis'],
    ['no host', 'redis://'],
    ['several hosts without a mode', 'redis://a,b'],
    ['an empty host', 'redis+cluster://a,,b'],
    ['a port that is too high', 'redis://a:65536'],
    ['a port of 0', 'redis://a:0'],
    ['a database without a number', 'redis://a/b'],
    ['a database of a cluster', 'redis+cluster://a/1'],
    ['Sentinels without a master', 'redis+sentinel://a,b'],
    ['a wrong percent-encoding', 'redis://user:%zz@a'],
    ['an unknown parameter', 'redis://a?x=1'],
    ['an IP version that does not exist', 'redis://a?family=5'],
    ['credentials of Sentinels without Sentinels', 'redis://a?sentinelPassword=x'],
    ['a second @', 'redis://a@b@c'],
    ['too many hosts', `redis+cluster://${Array.from({ length: 101 }, (_, i) => `h${i}`).join(',')}`],
    ['too long a text', `redis://${'a'.repeat(5000)}`],
    ['the empty text', ''],
  ])('refuses %s', (_what, text) => {
    expect(parseRedisAddress(text)).toBeNull();
  });
});
