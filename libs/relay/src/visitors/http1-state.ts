import { following, follows } from '@culvert/flow';

/** The life of an HTTP/1.1 connection: the same list as docs/relay.md. */
export const Http1State = {
  /** Nothing has been read yet. */
  NEW: 0,
  /** Between two requests. */
  IDLE: 1,
  /** Some bytes of a head are here. */
  HEAD: 2,
  /** A request is being handled, and another may follow. */
  EXCHANGE: 3,
  /** A request is being handled, and the connection ends with it. */
  LAST_EXCHANGE: 4,
  /** Bytes pass as they are, after a 101. */
  UPGRADED: 5,
  /** The last response is out, and all of its request was read: the visitor has yet to read and close. */
  CLOSING: 6,
  /** The last response is out, and the visitor may still be sending its request, which is read and dropped. */
  LINGERING: 7,
  /** The socket was handed off. */
  HANDED_OFF: 8,
  /** The socket is gone. */
  CLOSED: 9,
} as const;
export type Http1State = (typeof Http1State)[keyof typeof Http1State];

const S = Http1State;

/** The states that may follow each state, as bits. */
const FOLLOWING: readonly number[] = [
  /* NEW           */ following(S.IDLE, S.CLOSING, S.HANDED_OFF, S.CLOSED),
  /* IDLE          */ following(
    S.HEAD,
    S.EXCHANGE,
    S.LAST_EXCHANGE,
    S.CLOSING,
    S.LINGERING,
    S.HANDED_OFF,
    S.CLOSED,
  ),
  /* HEAD          */ following(S.EXCHANGE, S.LAST_EXCHANGE, S.LINGERING, S.HANDED_OFF, S.CLOSED),
  /* EXCHANGE      */ following(S.IDLE, S.LAST_EXCHANGE, S.UPGRADED, S.CLOSED),
  /* LAST_EXCHANGE */ following(S.UPGRADED, S.CLOSING, S.LINGERING, S.CLOSED),
  /* UPGRADED      */ following(S.CLOSING, S.CLOSED),
  /* CLOSING       */ following(S.CLOSED),
  /* LINGERING     */ following(S.CLOSED),
  /* HANDED_OFF    */ 0,
  /* CLOSED        */ 0,
];

/** Reports whether `to` may follow `from`. */
export function mayFollow(from: Http1State, to: Http1State): boolean {
  return follows(FOLLOWING, from, to);
}

/** Reports whether the next bytes belong to a head. */
export function expectsHead(state: Http1State): boolean {
  return state === S.IDLE || state === S.HEAD;
}

/** Reports whether a request is being handled. */
export function hasExchange(state: Http1State): boolean {
  return state === S.EXCHANGE || state === S.LAST_EXCHANGE;
}
