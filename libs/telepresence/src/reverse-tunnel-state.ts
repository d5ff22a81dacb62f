import type { TunnelState } from '@culvert/tunnel';

/** The states that may follow each state of a reverse connection: the same list as docs/telepresence-tunnel.md. */
const FOLLOWING: Readonly<Record<TunnelState, readonly TunnelState[]>> = {
  handshake: ['open', 'draining', 'closed'],
  open: ['draining', 'closed'],
  draining: ['closed'],
  closed: [],
};

/** Reports whether `to` may follow `from`. */
export function mayFollow(from: TunnelState, to: TunnelState): boolean {
  return FOLLOWING[from].includes(to);
}
