import { Counts, Histogram } from '@culvert/measure';
import type { Metrics } from '@culvert/metrics';
import { GoAwayCode, goAwayName, ResetCode } from '@culvert/tunnel';

/** How often the round trip of each tunnel is measured, in milliseconds. */
const ROUND_TRIP_MS = 10_000;

const OUTCOMES = ['ok', 'refused', 'unreachable', 'dns', 'timeout', 'tls', 'forbidden', 'other'] as const;
type Outcome = (typeof OUTCOMES)[number];

const OUTCOME_OF: Partial<Record<ResetCode, Outcome>> = {
  [ResetCode.INGRESS_REFUSED]: 'refused',
  [ResetCode.INGRESS_UNREACHABLE]: 'unreachable',
  [ResetCode.INGRESS_DNS]: 'dns',
  [ResetCode.INGRESS_TIMEOUT]: 'timeout',
  [ResetCode.INGRESS_TLS]: 'tls',
  [ResetCode.FORBIDDEN]: 'forbidden',
};

/** Numbers of a traffic manager that are read when Prometheus asks. */
export interface ManagerFigures {
  readonly openTunnels: number;
  readonly wantedTunnels: number;
  readonly streams: number;
  /** Traffic agents and clients at the meeting point. */
  readonly agents: number;
  readonly clients: number;
  /** When the certificate of the meeting point expires, in seconds since 1970; null: it has none. */
  readonly certificateExpiry: number | null;
}

/** What a traffic manager measures. */
export class ManagerMeasures {
  private readonly dials = new Histogram([{ name: 'outcome', values: OUTCOMES }]);
  private readonly opens = new Counts();
  private readonly closes = new Counts([
    { name: 'code', values: Object.values(GoAwayCode).map((code) => nameOf(code)) },
  ]);
  private readonly refusals = new Counts([
    { name: 'cause', values: ['unauthorized', 'forbidden', 'refused', 'unreachable'] },
  ]);
  private readonly roundTrips = new Histogram();
  private readonly tunnels = new Set<{ readonly roundTripMs: number }>();
  private readonly timer = setInterval(() => this.look(), ROUND_TRIP_MS).unref();

  handleOpen(tunnel: { readonly roundTripMs: number }): void {
    this.opens.add(0);
    this.tunnels.add(tunnel);
  }

  /** Takes the end of a tunnel, or of an attempt to open one. */
  handleClose(tunnel: { readonly roundTripMs: number }, code: GoAwayCode): void {
    if (this.tunnels.delete(tunnel)) this.closes.addAs(nameOf(code));
  }

  /** @param status of the answer; null: there was none */
  handleRefusal(status: number | null): void {
    const cause = { 401: 'unauthorized', 403: 'forbidden' }[status ?? 0];
    this.refusals.addAs(cause ?? (status === null ? 'unreachable' : 'refused'));
  }

  /** @param failure why the ingress was not connected; null: it was */
  observeDial(beganAt: number, failure: ResetCode | null): void {
    const outcome = failure === null ? 'ok' : (OUTCOME_OF[failure] ?? 'other');
    this.dials.observeAs([outcome], performance.now() - beganAt);
  }

  stop(): void {
    clearInterval(this.timer);
  }

  register(metrics: Metrics, figures: () => ManagerFigures): void {
    metrics.value('culvert_manager_tunnels', () => figures().openTunnels);
    metrics.value('culvert_manager_tunnels_wanted', () => figures().wantedTunnels);
    metrics.value('culvert_manager_streams', () => figures().streams);
    metrics.counts('culvert_manager_tunnel_opens_total', this.opens);
    metrics.counts('culvert_manager_tunnel_closes_total', this.closes);
    metrics.counts('culvert_manager_dial_refusals_total', this.refusals);
    metrics.histogram('culvert_manager_tunnel_round_trip_seconds', this.roundTrips);
    metrics.histogram('culvert_manager_dial_seconds', this.dials);
    metrics.samples('culvert_manager_dialers', () => [
      [['agent'], figures().agents],
      [['client'], figures().clients],
    ]);
    metrics.samples('culvert_certificate_expiry_timestamp_seconds', () => {
      const { certificateExpiry } = figures();
      return certificateExpiry === null ? [] : [[['meeting_point'], certificateExpiry]];
    });
  }

  private look(): void {
    for (const { roundTripMs } of this.tunnels) if (roundTripMs > 0) this.roundTrips.observe(0, roundTripMs);
  }
}

function nameOf(code: GoAwayCode): string {
  return goAwayName(code).toLowerCase();
}
