import { parseRequestHead } from '@culvert/http1';
import { describe, expect, it } from 'vitest';
import { DEFAULT_RELAY_LIMITS } from '../limits.js';
import { Route } from '../routing/route.js';
import { SocketDialer } from '../upstream/socket-stream.js';
import { StreamPools } from '../upstream/stream-pools.js';
import { refusalOf } from './admission.js';
import type { ExchangeHost } from './host.js';

const LIMITS = { ...DEFAULT_RELAY_LIMITS, maxRequestsPerPreview: 1 };
const HEAD = Buffer.from('GET / HTTP/1.1\r\nHost: a.test\r\n\r\n');
const request = parseRequestHead(HEAD, 0, HEAD.length, LIMITS.head);
const host = { limits: LIMITS, noteUse: () => null } as Partial<ExchangeHost> as ExchangeHost;
const pool = new StreamPools().open(new SocketDialer(() => expect.unreachable()));

/** Returns the code with which a route refuses a request while it serves another one. */
function refusedBy(route: Route): string | undefined {
  route.active = 1;
  return refusalOf(request, route, host)?.code;
}

describe(refusalOf, () => {
  it('refuses a request to a preview that has reached its limit of requests', () => {
    const preview = Route.forPreview(
      {
        id: 'p',
        teamId: 't',
        hostname: 'a.test',
        interceptId: 'i',
        ingress: 'web:80',
        l5Host: 'web',
        addRequestHeaders: {},
        access: 'public',
        expiresAt: Infinity,
      },
      pool,
    );
    expect(refusedBy(preview)).toBe('too_many_requests');
    expect(preview.traffic).toMatchObject({ requests: 1, edgeErrors: 1 });
  });

  it('serves the application to any number of people: their event streams stay open', () => {
    expect(refusedBy(Route.forApp('app.test', pool))).toBeUndefined();
  });
});
