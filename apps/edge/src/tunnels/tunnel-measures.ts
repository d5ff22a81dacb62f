import { CONNECTION_REASONS, type ConnectionReason, type TunnelKind } from '@culvert/domain';
import { Counts, Histogram } from '@culvert/measure';

const KIND: { readonly name: string; readonly values: readonly TunnelKind[] } = {
  name: 'kind',
  values: ['native', 'telepresence'],
};
/** Numbers of a traffic manager's tunnels, as the label `leg` has them. */
const LEGS = ['1', '2', '3', '4', '5', '6', '7', '8'] as const;

/** What an edge measures of its tunnels. */
export class TunnelMeasures {
  readonly opens = new Counts([KIND, { name: 'session', values: ['new', 'resumed'] }]);
  readonly closes = new Counts([KIND, { name: 'reason', values: CONNECTION_REASONS }]);
  readonly roundTrip = new Histogram([KIND]);
  private readonly open = new Map<string, number>();

  handleOpen(kind: TunnelKind, leg: number, isResumed: boolean): void {
    this.opens.addAs(kind, isResumed ? 'resumed' : 'new');
    this.count(kind, leg, 1);
  }

  handleClose(kind: TunnelKind, leg: number, reason: ConnectionReason): void {
    this.closes.addAs(kind, reason);
    this.count(kind, leg, -1);
  }

  observeRoundTrip(kind: TunnelKind, ms: number): void {
    if (ms > 0) this.roundTrip.observeAs([kind], ms);
  }

  /** Open tunnels by kind and leg, those without one included. */
  *byLeg(): Generator<[values: readonly string[], count: number]> {
    for (const kind of KIND.values)
      for (const leg of LEGS) yield [[kind, leg], this.open.get(`${kind} ${leg}`) ?? 0];
  }

  private count(kind: TunnelKind, leg: number, change: 1 | -1): void {
    const key = `${kind} ${LEGS[Math.min(Math.max(leg, 1), LEGS.length) - 1]}`;
    this.open.set(key, (this.open.get(key) ?? 0) + change);
  }
}
