/**
 * Messages between an API process and the edges about one replay, on topics of the event bus. Any of them may get lost: each
 * side waits for the other for a limited time. `Exchange` and the like are those of the API, as JSON values: the receiver
 * checks them.
 */

/** Where edges answer the asking process: each with an offer, and one of them with a report. */
export function replayAnswersTopic(replayId: string): string {
  return `replay-answers:${replayId}`;
}

/** Where an edge waits for the request that it offered to send. */
export function replayOrdersTopic(offerId: string): string {
  return `replay-orders:${offerId}`;
}

/** How long an edge waits for the request that it offered to send. */
export const REPLAY_OFFER_MS = 5000;

/** How long an edge that received the request waits for its response, at most. */
export const REPLAY_MS = 30_000;

export interface ReplayOffer {
  readonly kind: 'offer';
  /** `away`: it has no tunnel of the traffic manager; `busy`: it has reached its limit of replays. */
  readonly state: 'ready' | 'away' | 'busy';
  /** Address for giving the request to this edge. Empty unless it is ready. */
  readonly offerId: string;
  /** What the edge has of the exchange to repeat: an `Exchange` and its `ExchangeBodies`; null: nothing. */
  readonly exchange: unknown;
  readonly bodies: unknown;
}

export interface ReplayOrder {
  /** Also the id of the exchange. */
  readonly replayId: string;
  readonly replayOf: string | null;
  readonly teamId: string;
  readonly previewId: string;
  readonly hostname: string;
  /** With the port unless it is the default. */
  readonly host: string;
  readonly isSecure: boolean;
  /** Requester: the id of a person or API key, and their address. */
  readonly callerId: string;
  readonly address: string;
  readonly method: string;
  readonly target: string;
  readonly fields: readonly (readonly [name: string, value: string])[];
  /** In base64. */
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
      /** As in `X-Culvert-Error`, with the status and sentence that a visitor would have received. */
      readonly code: string;
      readonly status: number;
      readonly detail: string;
      readonly retryAfterSeconds: number;
    };

export type ReplayAnswer = ReplayOffer | ReplayReport;
