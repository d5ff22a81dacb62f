/**
 * What a relay measures of exchanges and streams. Each observation costs a few nanoseconds beside the clock that is read
 * for it (docs/performance.md), and no memory: nothing here grows with visitors, previews or what they send.
 */
import { Counts, Histogram, REQUEST_BOUNDS_MS } from '@culvert/measure';

const PROTOCOL = { name: 'protocol', values: ['http1', 'http2', 'websocket', 'replay'] } as const;
const ROUTE = { name: 'route', values: ['preview', 'app', 'service', 'none'] } as const;
const STATUS = { name: 'status', values: ['1xx', '2xx', '3xx', '4xx', '5xx', 'none'] } as const;
const ANSWERED_BY = { name: 'answered_by', values: ['service', 'culvert'] } as const;
const WAIT_OUTCOME = { name: 'outcome', values: ['served', 'failed'] } as const;
const VIA = { name: 'via', values: ['tunnel', 'hop', 'app'] } as const;
const OUTCOME = { name: 'outcome', values: ['ok', 'failed'] } as const;
const LIMIT = {
  name: 'limit',
  values: [
    'connections_per_address',
    'requests_per_preview',
    'requests_per_team',
    'streams_per_tunnel',
    'body_size',
    'tunnels',
    'sessions_per_team',
  ],
} as const;

export type MeasuredProtocol = (typeof PROTOCOL.values)[number];
export type MeasuredRoute = (typeof ROUTE.values)[number];
export type MeasuredLimit = (typeof LIMIT.values)[number];

const PROTOCOLS: Readonly<Record<MeasuredProtocol, number>> = { http1: 0, http2: 1, websocket: 2, replay: 3 };
const ROUTES: Readonly<Record<MeasuredRoute, number>> = { preview: 0, app: 1, service: 2, none: 3 };

/** Returns the place of a status among the values of `status`; 0, for no answer, is `none`, and what exceeds 599 is `5xx`. */
function statusAt(status: number): number {
  if (status < 100) return 5;
  return status >= 500 ? 4 : Math.floor(status / 100) - 1;
}

export class RelayMeasures {
  /** From the head of a request to the end of its exchange. */
  readonly duration = new Histogram([PROTOCOL, ROUTE, STATUS, ANSWERED_BY], REQUEST_BOUNDS_MS);
  /** From the head of a request to the head of its response. */
  readonly firstByte = new Histogram([PROTOCOL, ROUTE, STATUS], REQUEST_BOUNDS_MS);
  /** Waits of exchanges for a traffic manager, or for room on its tunnels. */
  readonly wait = new Histogram([WAIT_OUTCOME]);
  /** Times until new streams were connected or failed. */
  readonly dial = new Histogram([VIA, OUTCOME]);
  /** Refusals because a limit was reached, those of the edge's own limits included. */
  readonly limits = new Counts([LIMIT]);

  observeFirstByte(protocol: MeasuredProtocol, route: MeasuredRoute, status: number, ms: number): void {
    this.firstByte.observe((PROTOCOLS[protocol] * 4 + ROUTES[route]) * 6 + statusAt(status), ms);
  }

  /** @param status of the answer; 0: none */
  observeEnd(
    protocol: MeasuredProtocol,
    route: MeasuredRoute,
    answer: { readonly status: number; readonly isOwn: boolean },
    ms: number,
  ): void {
    const series = (PROTOCOLS[protocol] * 4 + ROUTES[route]) * 6 + statusAt(answer.status);
    this.duration.observe(series * 2 + (answer.isOwn ? 1 : 0), ms);
  }

  observeWait(isServed: boolean, ms: number): void {
    this.wait.observe(isServed ? 0 : 1, ms);
  }

  observeDial(via: 'tunnel' | 'hop' | 'app', isOpen: boolean, ms: number): void {
    this.dial.observe((via === 'tunnel' ? 0 : via === 'hop' ? 2 : 4) + (isOpen ? 0 : 1), ms);
  }

  countLimit(limit: MeasuredLimit): void {
    this.limits.addAs(limit);
  }
}
