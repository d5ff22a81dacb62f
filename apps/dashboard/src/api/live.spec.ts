import { describe, expect, it } from 'vitest';
import { parseChange } from './live.js';

describe('a change that the event stream tells of', () => {
  it('names what has changed', () => {
    const data = '{"resource":"preview","id":"1","change":"updated","at":"2026-11-25T12:00:00Z"}';
    expect(parseChange(data)).toEqual({
      resource: 'preview',
      id: '1',
      change: 'updated',
      at: '2026-11-25T12:00:00Z',
    });
  });

  it.each(['', '{', 'null', '[]', '{"resource":1,"id":"1"}', '{"resource":"preview"}'])(
    'is nothing when it reads %j',
    (data) => {
      expect(parseChange(data)).toBeNull();
    },
  );
});
