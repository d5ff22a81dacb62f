import { following, follows } from '@culvert/flow';

/** The life of a request to an ingress that speaks HTTP/2: the same list as docs/relay.md. */
export const UpstreamState = {
  /** The exchange has not written the head yet. */
  HEAD: 0,
  /** The head is here; the session does not take the request yet. */
  WAITING: 1,
  /** The request has begun; the final response has not. */
  REQUESTED: 2,
  /** The response is being passed on. */
  RESPONDING: 3,
  /** Bytes pass as they are, after an Upgrade. */
  UPGRADED: 4,
  /** The whole response has arrived. The exchange resets the stream once it has taken it. */
  RESPONDED: 5,
  /** The exchange has left with a response that is whole by its length; the end of the HTTP/2 stream is still to come. */
  LINGERING: 6,
  CLOSED: 7,
} as const;
export type UpstreamState = (typeof UpstreamState)[keyof typeof UpstreamState];

const S = UpstreamState;

/** The states that may follow each state, as bits. */
const FOLLOWING: readonly number[] = [
  /* HEAD       */ following(S.WAITING, S.CLOSED),
  /* WAITING    */ following(S.REQUESTED, S.CLOSED),
  // Back to waiting when the ingress refused the request.
  /* REQUESTED  */ following(S.WAITING, S.RESPONDING, S.UPGRADED, S.CLOSED),
  /* RESPONDING */ following(S.RESPONDED, S.LINGERING, S.CLOSED),
  /* UPGRADED   */ following(S.CLOSED),
  /* RESPONDED  */ following(S.CLOSED),
  /* LINGERING  */ following(S.CLOSED),
  /* CLOSED     */ 0,
];

/** Reports whether `to` may follow `from`. */
export function mayFollow(from: UpstreamState, to: UpstreamState): boolean {
  return follows(FOLLOWING, from, to);
}
