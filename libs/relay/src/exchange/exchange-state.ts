import { following, follows } from '@culvert/flow';

/** The life of an exchange: the same list as docs/relay.md. */
export const ExchangeState = {
  /** The exchange waits for its route and the gate's verdict. */
  ROUTING: 0,
  /** No traffic manager is connected for the route. */
  WAITING_FOR_MANAGER: 1,
  /** The tunnel has reached its limit of streams. */
  WAITING_FOR_ROOM: 2,
  /** A stream is open: request and response pass. */
  ACTIVE: 3,
  /** Bytes pass as they are, after a 101. */
  UPGRADED: 4,
  /** The response has arrived, and a filter still passes the rest of its body on. */
  FINISHING: 5,
  /** The exchange has ended. */
  DONE: 6,
} as const;
export type ExchangeState = (typeof ExchangeState)[keyof typeof ExchangeState];

const S = ExchangeState;

/** The states that may follow each state, as bits. */
const FOLLOWING: readonly number[] = [
  /* ROUTING             */ following(S.WAITING_FOR_MANAGER, S.WAITING_FOR_ROOM, S.ACTIVE, S.DONE),
  /* WAITING_FOR_MANAGER */ following(S.WAITING_FOR_MANAGER, S.WAITING_FOR_ROOM, S.ACTIVE, S.DONE),
  /* WAITING_FOR_ROOM    */ following(S.WAITING_FOR_MANAGER, S.WAITING_FOR_ROOM, S.ACTIVE, S.DONE),
  // ACTIVE may follow itself, or lead back to waiting, when a request is repeated on another stream.
  /* ACTIVE              */ following(
    S.WAITING_FOR_MANAGER,
    S.WAITING_FOR_ROOM,
    S.ACTIVE,
    S.UPGRADED,
    S.FINISHING,
    S.DONE,
  ),
  /* UPGRADED            */ following(S.DONE),
  /* FINISHING           */ following(S.DONE),
  /* DONE                */ 0,
];

/** Reports whether `to` may follow `from`. */
export function mayFollow(from: ExchangeState, to: ExchangeState): boolean {
  return follows(FOLLOWING, from, to);
}

/** Reports whether an exchange in this state waits for a stream. */
export function isWaiting(state: ExchangeState): boolean {
  return state === S.WAITING_FOR_MANAGER || state === S.WAITING_FOR_ROOM;
}
