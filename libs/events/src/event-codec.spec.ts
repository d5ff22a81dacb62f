import { describe, expect, it } from 'vitest';
import { decodeEvent, encodeEvent, MalformedEventError } from './event-codec.js';
import type { ClusterEvent } from './event-bus.js';

const EVENTS: ClusterEvent[] = [
  { type: 'preview.changed', hostname: 'quiet-heron.preview.test' },
  { type: 'api-key.revoked', apiKeyId: '0190b3c4-0000-7000-8000-000000000001' },
  { type: 'session.ended', sessionId: '0190b3c4-0000-7000-8000-000000000002', reason: 'a "person" ended it' },
  { type: 'user.changed', userId: '0190b3c4-0000-7000-8000-000000000003' },
  { type: 'resource.changed', teamId: 'a', resource: 'preview', id: 'b', change: 'updated' },
  { type: 'preview.watched', teamId: 'a', previewId: 'b', watcherId: 'c', phase: 'start', captures: 'heads' },
  {
    type: 'replay.asked',
    teamId: 'a',
    previewId: 'b',
    trafficManagerId: 'c',
    replayId: 'd',
    exchangeId: '',
  },
];

describe('event codec', () => {
  it.each(EVENTS)('reads back $type', (event) => {
    expect(decodeEvent(encodeEvent(event))).toEqual(event);
  });

  it('ignores types and fields of newer versions', () => {
    expect(decodeEvent('{"type":"team.renamed","teamId":"x"}')).toBeNull();
    expect(decodeEvent('{"type":"toString"}')).toBeNull();
    expect(decodeEvent('{"type":"preview.changed","hostname":"a","shard":1}')).toEqual({
      type: 'preview.changed',
      hostname: 'a',
    });
  });

  it.each([
    ['nothing', ''],
    ['something else than JSON', 'hello'],
    ['a scalar', '1'],
    ['null', 'null'],
    ['an object without a type', '{"hostname":"a"}'],
    ['a type that is not text', '{"type":1}'],
    ['a field missing', '{"type":"session.ended","sessionId":"a"}'],
    ['a field that is not text', '{"type":"preview.changed","hostname":{}}'],
    ['too long a message', JSON.stringify({ type: 'preview.changed', hostname: 'a'.repeat(16 * 1024) })],
  ])('rejects %s', (_what, message) => {
    expect(() => decodeEvent(message)).toThrow(MalformedEventError);
  });
});
