import { following, follows } from '@culvert/flow';

/** The life of a stream without pushes, the same for both ends (RFC 9113 §5.1). */
export const StreamState = {
  /** Both sides may send. */
  OPEN: 0,
  /** The peer has sent all of its message. */
  HALF_CLOSED_REMOTE: 1,
  /** This side has sent all of its message. */
  HALF_CLOSED_LOCAL: 2,
  /** Both messages are complete, and the end of the peer's waits for the reader. */
  FINISHING: 3,
  /** Over, or reset by either side. */
  CLOSED: 4,
} as const;
export type StreamState = (typeof StreamState)[keyof typeof StreamState];

const S = StreamState;

/** The states that may follow each state, as bits. */
const FOLLOWING: readonly number[] = [
  /* OPEN               */ following(S.HALF_CLOSED_REMOTE, S.HALF_CLOSED_LOCAL, S.CLOSED),
  /* HALF_CLOSED_REMOTE */ following(S.FINISHING, S.CLOSED),
  /* HALF_CLOSED_LOCAL  */ following(S.FINISHING, S.CLOSED),
  /* FINISHING          */ following(S.CLOSED),
  /* CLOSED             */ 0,
];

/** Reports whether `to` may follow `from`. */
export function mayFollow(from: StreamState, to: StreamState): boolean {
  return follows(FOLLOWING, from, to);
}
