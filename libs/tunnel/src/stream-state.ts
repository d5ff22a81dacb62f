/** The life of a stream as one end sees it: the same list as docs/protocol.md §4. */
export const StreamState = {
  /** Opened here; the far end is not connected yet. */
  OPENING: 0,
  /** Opened here and END sent; the far end is not connected yet. */
  OPENING_ENDED: 1,
  /** Opened by the far end; not accepted yet. */
  OFFERED: 2,
  /** Opened by the far end and END received; not accepted yet. */
  OFFERED_ENDED: 3,
  OPEN: 4,
  /** END sent. */
  LOCAL_ENDED: 5,
  /** END received. */
  REMOTE_ENDED: 6,
  CLOSED: 7,
} as const;
export type StreamState = (typeof StreamState)[keyof typeof StreamState];

export const StreamEvent = {
  SEND_OPENED: 0,
  RECEIVE_OPENED: 1,
  SEND_END: 2,
  RECEIVE_END: 3,
  RESET: 4,
} as const;
export type StreamEvent = (typeof StreamEvent)[keyof typeof StreamEvent];

const S = StreamState;

// One row per state, one column per event, in the order above; null is illegal.
const TRANSITIONS: readonly (readonly (StreamState | null)[])[] = [
  /* OPENING       */ [null, S.OPEN, S.OPENING_ENDED, null, S.CLOSED],
  /* OPENING_ENDED */ [null, S.LOCAL_ENDED, null, null, S.CLOSED],
  /* OFFERED       */ [S.OPEN, null, null, S.OFFERED_ENDED, S.CLOSED],
  /* OFFERED_ENDED */ [S.REMOTE_ENDED, null, null, null, S.CLOSED],
  /* OPEN          */ [null, null, S.LOCAL_ENDED, S.REMOTE_ENDED, S.CLOSED],
  /* LOCAL_ENDED   */ [null, null, null, S.CLOSED, S.CLOSED],
  /* REMOTE_ENDED  */ [null, null, S.CLOSED, null, S.CLOSED],
  /* CLOSED        */ [null, null, null, null, S.CLOSED],
];

/** Returns the state after `event`, or null when `event` is illegal in `state`. */
export function nextState(state: StreamState, event: StreamEvent): StreamState | null {
  return TRANSITIONS[state][event]!;
}

/** Reports whether DATA from the far end is legal. */
export function mayReceiveData(state: StreamState): boolean {
  return state === S.OFFERED || state === S.OPEN || state === S.LOCAL_ENDED;
}
