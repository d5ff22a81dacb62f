import { describe, expect, it } from 'vitest';
import { mayFollow, StreamState } from './stream-state.js';

/** RFC 9113 §5.1 without pushes and idle streams, and with FINISHING for an end that waits for its reader. */
const EDGES: readonly (readonly [StreamState, readonly StreamState[]])[] = [
  [StreamState.OPEN, [StreamState.HALF_CLOSED_REMOTE, StreamState.HALF_CLOSED_LOCAL, StreamState.CLOSED]],
  [StreamState.HALF_CLOSED_REMOTE, [StreamState.FINISHING, StreamState.CLOSED]],
  [StreamState.HALF_CLOSED_LOCAL, [StreamState.FINISHING, StreamState.CLOSED]],
  [StreamState.FINISHING, [StreamState.CLOSED]],
  [StreamState.CLOSED, []],
];

describe('the states of a stream', () => {
  it.each(EDGES)('allow after %i only %j', (from, following) => {
    const all = Object.values(StreamState);
    expect(all.filter((to) => mayFollow(from, to))).toEqual(all.filter((to) => following.includes(to)));
  });
});
