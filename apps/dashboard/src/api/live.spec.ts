import { describe, expect, it } from 'vitest';
import { parseChange } from './live.js';

describe('a change in the event stream', () => {
  it('names the changed resource', () => {
    const data = '{"resource":"preview","id":"1","change":"updated","at":"2026-11-25T12:00:00Z"}';
    expect(parseChange(data)).toEqual({
      resource: 'preview',
      id: '1',
      change: 'updated',
      at: '2026-11-25T12:00:00Z',
    });
  });

  it.each(['', '{', 'null', '[]', '{"resource":1,"id":"1"}', '{"resource":"preview"}'])(
    'is ignored if the data is %j',
    (data) => {
      expect(parseChange(data)).toBeNull();
    },
  );
});
