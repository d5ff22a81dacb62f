import { describe, expect, it } from 'vitest';
import { ConnectionPlaces } from './connection-places.js';

describe('ConnectionPlaces', () => {
  it('counts the connections of other processes on the same port', () => {
    const places = new ConnectionPlaces(3);
    places.setElsewhere('192.0.2.1', 2);
    expect([places.reserve('192.0.2.1'), places.reserve('192.0.2.1')]).toEqual([true, false]);
    expect(places.reserve('192.0.2.2')).toBe(true);
    places.setElsewhere('192.0.2.1', 0);
    expect(places.reserve('192.0.2.1')).toBe(true);
  });

  it('reports each change once, and all places at first', () => {
    const places = new ConnectionPlaces(3);
    places.reserve('192.0.2.1');
    expect(places.drainChanges()).toEqual([['192.0.2.1', 1]]);
    expect(places.drainChanges()).toEqual([]);
    places.reserve('192.0.2.1');
    places.reserve('192.0.2.2');
    places.release('192.0.2.2');
    expect(places.drainChanges()).toEqual([
      ['192.0.2.1', 2],
      ['192.0.2.2', 0],
    ]);
  });

  it('counts and reports nothing without a limit', () => {
    const places = new ConnectionPlaces(0);
    expect(places.reserve('192.0.2.1')).toBe(true);
    places.release('192.0.2.1');
    expect([places.drainChanges(), places.drainChanges()]).toEqual([[], []]);
  });
});
