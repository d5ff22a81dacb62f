import { describe, expect, it } from 'vitest';
import { SharedPlaces } from './shared-places.js';

describe('SharedPlaces', () => {
  it('tells each other worker what the workers beside it hold', () => {
    const places = new SharedPlaces();
    places.update(1, [['a', 2]], [2, 3]);
    expect(places.update(2, [['a', 3]], [1, 3])).toEqual(
      new Map([
        [1, [['a', 3]]],
        [3, [['a', 5]]],
      ]),
    );
    expect(places.allBeside(3)).toEqual([['a', 5]]);
  });

  it('gives the places of a dead worker back', () => {
    const places = new SharedPlaces();
    places.update(1, [['a', 2]], [2]);
    places.update(2, [['a', 1]], [1]);
    expect(places.remove(1, [2])).toEqual(new Map([[2, [['a', 0]]]]));
    expect(places.allBeside(3)).toEqual([['a', 1]]);
    places.update(2, [['a', 0]], []);
    expect(places.allBeside(3)).toEqual([]);
  });
});
