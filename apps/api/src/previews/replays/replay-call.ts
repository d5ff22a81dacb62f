import {
  type EventBus,
  type Listening,
  REPLAY_MS,
  type ReplayAnswer,
  replayAnswersTopic,
  type ReplayOffer,
  type ReplayOrder,
  replayOrdersTopic,
  type ReplayReport,
} from '@culvert/events';
import { exchange, exchangeBodies, ProblemError } from '@culvert/contract';
import type { RecordedExchange } from './replay-request.js';

/** Milliseconds that edges have to offer a replay. */
const OFFERS_MS = 2000;
/** Milliseconds for the messages to the edge and back. */
const GRACE_MS = 2000;

export interface Asked {
  readonly replayId: string;
  readonly teamId: string;
  readonly previewId: string;
  readonly trafficManagerId: string;
  /** ID of the exchange to repeat; null: none. */
  readonly exchangeId: string | null;
}

export interface Offers {
  /** Offer of an edge that will send it; null: no edge can. */
  readonly offerId: string | null;
  /** The exchange; null: no edge holds it. */
  readonly recorded: RecordedExchange | null;
  /** States of the edges that refused. */
  readonly refusals: readonly ReplayOffer['state'][];
}

/** The messages between this process and the edges for one replay. */
export class ReplayCall {
  private readonly answers: ReplayAnswer[] = [];
  private readonly listening: Listening;
  private wake: () => void = () => {};

  constructor(
    private readonly bus: EventBus,
    private readonly asked: Asked,
  ) {
    this.listening = bus.listen(replayAnswersTopic(asked.replayId), (message) => {
      this.answers.push(JSON.parse(message) as ReplayAnswer);
      this.wake();
    });
  }

  close(): void {
    this.listening.stop();
  }

  /** Asks every edge. Returns as soon as one can send the replay, and the exchange is known if it is needed. */
  async ask({ needsExchange }: { readonly needsExchange: boolean }): Promise<Offers> {
    const { exchangeId, ...asked } = this.asked;
    await this.listening.isReady;
    try {
      await this.bus.publish({ type: 'replay.asked', ...asked, exchangeId: exchangeId ?? '' });
    } catch (cause) {
      throw new ProblemError('cluster_not_connected', {
        detail: 'edges cannot be reached at the moment',
        cause,
      });
    }
    const deadline = performance.now() + OFFERS_MS;
    let offerId: string | null = null;
    let recorded: RecordedExchange | null = null;
    const refusals: ReplayOffer['state'][] = [];
    while (offerId === null || (needsExchange && recorded === null)) {
      const answer = await this.next(deadline);
      if (answer === null) break;
      if (answer.kind !== 'offer') continue;
      recorded ??= recordedBy(answer);
      if (answer.state !== 'ready') refusals.push(answer.state);
      else offerId ??= answer.offerId;
    }
    return { offerId, recorded, refusals };
  }

  /** Makes that edge send it. Null: no report came back, and it may have been sent. */
  async order(offerId: string, order: ReplayOrder): Promise<ReplayReport | null> {
    this.bus.send(replayOrdersTopic(offerId), JSON.stringify(order));
    const deadline = performance.now() + REPLAY_MS + GRACE_MS;
    for (;;) {
      const answer = await this.next(deadline);
      if (answer === null || answer.kind === 'report') return answer;
    }
  }

  /** Returns the next answer; null if none came before the deadline. */
  private async next(deadline: number): Promise<ReplayAnswer | null> {
    if (this.answers.length === 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.max(0, deadline - performance.now()));
        this.wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    return this.answers.shift() ?? null;
  }
}

/** Null if the edge holds none, or shows it in the format of another version. */
function recordedBy(offer: ReplayOffer): RecordedExchange | null {
  const shown = exchange.safeParse(offer.exchange);
  if (!shown.success) return null;
  const bodies = exchangeBodies.safeParse(offer.bodies);
  return { exchange: shown.data, bodies: bodies.success ? bodies.data : null };
}
