import { following, follows } from '@culvert/flow';
import type { TunnelState } from './types.js';

/** The life of a tunnel as one end sees it: the same list as docs/protocol.md §6. */
export const TunnelPhase = {
  /** An acceptor has received nothing yet. */
  AWAITING_HELLO: 0,
  /** An acceptor decides about a dialer. */
  DECIDING: 1,
  /** A dialer has sent HELLO. */
  AWAITING_WELCOME: 2,
  OPEN: 3,
  /** This end has sent GOAWAY. */
  LEAVING: 4,
  /** The peer has sent GOAWAY. */
  DISMISSED: 5,
  /** Both ends have sent GOAWAY. */
  PARTING: 6,
  CLOSED: 7,
} as const;
export type TunnelPhase = (typeof TunnelPhase)[keyof typeof TunnelPhase];

const P = TunnelPhase;

/** The phases that may follow each phase, as bits. */
const FOLLOWING: readonly number[] = [
  /* AWAITING_HELLO   */ following(P.DECIDING, P.CLOSED),
  /* DECIDING         */ following(P.OPEN, P.CLOSED),
  /* AWAITING_WELCOME */ following(P.OPEN, P.CLOSED),
  /* OPEN             */ following(P.LEAVING, P.DISMISSED, P.CLOSED),
  /* LEAVING          */ following(P.PARTING, P.CLOSED),
  /* DISMISSED        */ following(P.PARTING, P.CLOSED),
  /* PARTING          */ following(P.CLOSED),
  /* CLOSED           */ 0,
];

const STATES: readonly TunnelState[] = [
  /* AWAITING_HELLO   */ 'handshake',
  /* DECIDING         */ 'handshake',
  /* AWAITING_WELCOME */ 'handshake',
  /* OPEN             */ 'open',
  /* LEAVING          */ 'draining',
  /* DISMISSED        */ 'draining',
  /* PARTING          */ 'draining',
  /* CLOSED           */ 'closed',
];

/** Reports whether `to` may follow `from`. */
export function mayFollow(from: TunnelPhase, to: TunnelPhase): boolean {
  return follows(FOLLOWING, from, to);
}

/** State of each phase as users of the tunnel see it. */
export function stateOf(phase: TunnelPhase): TunnelState {
  return STATES[phase];
}

/** Reports whether the handshake is under way. */
export function isHandshake(phase: TunnelPhase): boolean {
  return phase <= P.AWAITING_WELCOME;
}

/** Reports whether the peer has sent GOAWAY, and the tunnel ends with its last stream. */
export function hasPeerLeft(phase: TunnelPhase): boolean {
  return phase === P.DISMISSED || phase === P.PARTING;
}
