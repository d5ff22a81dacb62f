import { describe, expect, it } from 'vitest';
import { mayFollow, UpstreamState } from './http2-upstream-state.js';

const S = UpstreamState;

/** The table of docs/relay.md. */
const EDGES: readonly (readonly [UpstreamState, readonly UpstreamState[]])[] = [
  [S.HEAD, [S.WAITING, S.CLOSED]],
  [S.WAITING, [S.REQUESTED, S.CLOSED]],
  [S.REQUESTED, [S.WAITING, S.RESPONDING, S.UPGRADED, S.CLOSED]],
  [S.RESPONDING, [S.RESPONDED, S.LINGERING, S.CLOSED]],
  [S.UPGRADED, [S.CLOSED]],
  [S.RESPONDED, [S.CLOSED]],
  [S.LINGERING, [S.CLOSED]],
  [S.CLOSED, []],
];

describe('the states of a request to an HTTP/2 ingress', () => {
  it.each(EDGES)('allow after %i only %j', (from, following) => {
    const all = Object.values(S);
    expect(all.filter((to) => mayFollow(from, to))).toEqual(all.filter((to) => following.includes(to)));
  });
});
