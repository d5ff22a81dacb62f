/**
 * What an API process and the edges say to each other about one replay, on topics of the event bus. Any of it may get
 * lost: each side waits for the other for a time, and no longer. `Exchange` and the like are those of the API, as JSON
 * values: whoever reads them checks them.
 */

/** Where edges answer whoever asked: with an offer each, and one of them with a report. */
export function replayAnswersTopic(replayId: string): string {
  return `replay-answers:${replayId}`;
}

/** Where an edge waits for the request that it offered to send. */
export function replayOrdersTopic(offerId: string): string {
  return `replay-orders:${offerId}`;
}

/** How long an edge waits for the request that it offered to send. */
export const REPLAY_OFFER_MS = 5000;

/** For how long an edge that was given the request waits for its answer, at most. */
export const REPLAY_MS = 30_000;

export interface ReplayOffer {
  readonly kind: 'offer';
  /** `away`: it has no tunnel of the traffic manager; `busy`: it sends as many already as it may. */
  readonly state: 'ready' | 'away' | 'busy';
  /** With it the request can be given to this edge. Empty unless it is ready. */
  readonly offerId: string;
  /** What the edge holds of the exchange to repeat: an `Exchange` and its `ExchangeBodies`; null: nothing. */
  readonly exchange: unknown;
  readonly bodies: unknown;
}

export interface ReplayOrder {
  /** Also that of the exchange. */
  readonly replayId: string;
  readonly replayOf: string | null;
  readonly teamId: string;
  readonly previewId: string;
  readonly hostname: string;
  /** With the port where it is not the usual one. */
  readonly host: string;
  readonly isSecure: boolean;
  /** Who has it sent: the id of a person or API key, and their address. */
  readonly callerId: string;
  readonly address: string;
  readonly method: string;
  readonly target: string;
  readonly fields: readonly (readonly [name: string, value: string])[];
  /** Base64. */
  readonly body: string;
}

export type ReplayReport =
  | {
      readonly kind: 'report';
      readonly isAnswered: true;
      readonly status: number;
      /** A `Head` and a `CapturedBody`, or null. */
      readonly head: unknown;
      readonly body: unknown;
      readonly firstByteMs: number;
      readonly durationMs: number;
      readonly end: 'complete' | 'cut' | 'broken';
    }
  | {
      readonly kind: 'report';
      readonly isAnswered: false;
      /** As in `X-Culvert-Error`, and the status and sentence that a visitor would have got. */
      readonly code: string;
      readonly status: number;
      readonly detail: string;
      readonly retryAfterSeconds: number;
    };

export type ReplayAnswer = ReplayOffer | ReplayReport;
