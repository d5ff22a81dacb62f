import type { Store } from '@culvert/domain';
import pino from 'pino';
import { describe, afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Metrics } from '@culvert/metrics';
import { ApiMeasures } from '../measures/api-measures.js';
import type { Announcer } from '../../announcements/announcer.js';
import type { SessionCookie } from './session-cookie.js';
import { UserSessionsService } from './user-sessions.service.js';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe(UserSessionsService.name, () => {
  it('removes sessions, password resets and visits that ended, every hour until it stops', () => {
    const removed: string[] = [];
    const sweptAs = (name: string) => ({
      removeExpired: (): Promise<number> => Promise.resolve(removed.push(name)),
    });
    const store = {
      background: {
        userSessions: sweptAs('sessions'),
        passwordResets: sweptAs('resets'),
        previewVisits: sweptAs('visits'),
      },
    } as unknown as Store;
    const log = pino({ level: 'silent' });
    const service = new UserSessionsService(
      store,
      log,
      {} as SessionCookie,
      {} as Announcer,
      new ApiMeasures(new Metrics({ program: 'test', version: '0' })),
    );
    service.onApplicationBootstrap();
    vi.advanceTimersByTime(60 * 60_000);
    expect(removed).toEqual(['sessions', 'resets', 'visits']);
    service.onApplicationShutdown();
    vi.advanceTimersByTime(60 * 60_000);
    expect(removed).toHaveLength(3);
  });
});
