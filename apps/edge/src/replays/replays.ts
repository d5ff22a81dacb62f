import { randomUUID } from 'node:crypto';
import {
  type ClusterEvent,
  type EventBus,
  REPLAY_MS,
  REPLAY_OFFER_MS,
  type ReplayAnswer,
  replayAnswersTopic,
  type ReplayOrder,
  replayOrdersTopic,
  type ReplayReport,
} from '@culvert/events';
import { MAX_CAPTURED_BYTES } from '@culvert/contract';
import { HttpSyntaxError } from '@culvert/http1';
import {
  type Relay,
  RelayError,
  replayHead,
  type ReplayAnswer as Answer,
  requestFault,
} from '@culvert/relay';
import type { Logger } from 'pino';
import { bodyOf } from '../exchanges/exchange-watch.js';
import type { ExchangeWatches } from '../exchanges/exchange-watches.js';
import { maskFields } from '../exchanges/masking.js';
import { isReserved } from '../previews/preview-entrance.js';

/** Maximum number of replays that are offered or sent at once. */
const MAX_REPLAYS = 50;

type Asked = Extract<ClusterEvent, { type: 'replay.asked' }>;

interface Parts {
  readonly relay: Pick<Relay, 'findRoute' | 'isDraining' | 'limits' | 'replay'>;
  readonly tunnels: { preferred(trafficManagerId: string): object | null };
  readonly watches: Pick<ExchangeWatches, 'find'>;
  readonly bus: Pick<EventBus, 'send' | 'listen'>;
  readonly log: Logger;
}

/**
 * Sends requests that people replay. Every edge offers what it can do; the edge that gets the order sends the request
 * through the relay, once.
 */
export class Replays {
  /** Sent replays, by outcome. */
  readonly counts = { answered: 0, failed: 0 };
  /** Functions that end offers which are not taken yet. */
  private readonly offers = new Map<string, () => void>();
  private running = 0;

  constructor(private readonly parts: Parts) {}

  /** Offers to send the replay, if this edge can. */
  async handle({ replayId, previewId, trafficManagerId, exchangeId }: Asked): Promise<void> {
    const { relay, tunnels, watches, bus } = this.parts;
    const held = exchangeId === '' ? null : watches.find(previewId, exchangeId);
    const known = {
      exchange: held === null ? null : parsed(held.line),
      bodies: held === null || held.bodies === '' ? null : parsed(held.bodies),
    };
    const isAway = relay.isDraining || tunnels.preferred(trafficManagerId) === null;
    const isBusy = this.running + this.offers.size >= MAX_REPLAYS;
    if (isAway || isBusy) {
      this.answer(replayId, { kind: 'offer', state: isAway ? 'away' : 'busy', offerId: '', ...known });
      return;
    }
    const offerId = randomUUID();
    const end = (): void => {
      clearTimeout(timer);
      stop();
      this.offers.delete(offerId);
    };
    const timer = setTimeout(end, REPLAY_OFFER_MS).unref();
    const { isReady, stop } = bus.listen(replayOrdersTopic(offerId), (message) => {
      end();
      void this.run(JSON.parse(message) as ReplayOrder);
    });
    this.offers.set(offerId, end);
    await isReady;
    if (this.offers.has(offerId)) this.answer(replayId, { kind: 'offer', state: 'ready', offerId, ...known });
  }

  /** Accepts nothing more. Replays under way end with the relay. */
  close(): void {
    for (const end of this.offers.values()) end();
  }

  private async run(order: ReplayOrder): Promise<void> {
    this.running++;
    let outcome: Answer | RelayError;
    try {
      outcome = await this.send(order);
    } catch (error) {
      outcome = this.errorOf(error);
    }
    this.running--;
    this.counts[outcome instanceof RelayError ? 'failed' : 'answered']++;
    this.answer(order.replayId, reportOf(outcome));
  }

  private async send(order: ReplayOrder): Promise<Answer | RelayError> {
    const { relay } = this.parts;
    const { host, method, target, fields, hostname, replayId: id, replayOf, callerId } = order;
    const body = Buffer.from(order.body, 'base64');
    const request = replayHead({ host, method, target, fields, body }, relay.limits.head);
    // The edge itself answers these paths, for browsers.
    if (isReserved(request.target))
      return new RelayError('bad_request', 'Paths below /.culvert/ never reach the service.');
    const route = await relay.findRoute(hostname, request);
    if (route === null || route.id !== order.previewId || route.teamId !== order.teamId)
      return new RelayError('unknown_host', 'The preview was removed.');
    return relay.replay(route, {
      request,
      body,
      mark: { id, replayOf, callerId },
      peer: order.address,
      isSecure: order.isSecure,
      // The caller waits for the answer through a relay, which has this time limit.
      maxMs: Math.min(REPLAY_MS, (relay.limits.responseTimeoutMs * 3) / 4),
      maxKeptBytes: MAX_CAPTURED_BYTES,
    });
  }

  private errorOf(error: unknown): RelayError {
    if (error instanceof RelayError) return error;
    if (error instanceof HttpSyntaxError) return requestFault(error, this.parts.relay.limits.head);
    this.parts.log.error({ err: error }, 'a replay failed');
    return new RelayError('internal_error', 'Something went wrong in Culvert.');
  }

  private answer(replayId: string, answer: ReplayAnswer): void {
    this.parts.bus.send(replayAnswersTopic(replayId), JSON.stringify(answer));
  }
}

/** Parses the JSON after the letter of a line. */
function parsed(line: string): unknown {
  return JSON.parse(line.slice(1));
}

function reportOf(outcome: Answer | RelayError): ReplayReport {
  if (outcome instanceof RelayError) {
    const { code, status, message: detail, retryAfterSeconds } = outcome;
    return { kind: 'report', isAnswered: false, code, status, detail, retryAfterSeconds };
  }
  const { head, body, firstByteMs, durationMs, end } = outcome;
  return {
    kind: 'report',
    isAnswered: true,
    status: head.status,
    head: maskFields(head),
    body: bodyOf(body, head),
    firstByteMs: rounded(firstByteMs),
    durationMs: rounded(durationMs),
    end,
  };
}

function rounded(ms: number): number {
  return Math.round(ms * 100) / 100;
}
