import { randomUUID } from 'node:crypto';
import {
  type ClusterEvent,
  type EventBus,
  replayAnswersTopic,
  type ReplayOffer,
  type ReplayOrder,
  replayOrdersTopic,
  type ReplayReport,
} from '@culvert/events';

type Asked = Extract<ClusterEvent, { type: 'replay.asked' }>;

export const ANSWERED: ReplayReport = {
  kind: 'report',
  isAnswered: true,
  status: 201,
  head: { fields: [{ name: 'content-type', value: 'text/plain', isMasked: false }], isTruncated: false },
  body: {
    base64: 'bWFkZQ==',
    bytes: 4,
    isTruncated: false,
    contentType: 'text/plain',
    contentEncoding: null,
  },
  firstByteMs: 1,
  durationMs: 2,
  end: 'complete',
};

/** Stands in for an edge: offers to send every replay, and sends the report that the test sets. */
export class ReplayingEdge {
  readonly orders: ReplayOrder[] = [];
  report: ReplayReport = ANSWERED;
  /** Fields of its offer. */
  offer: Partial<ReplayOffer> = {};
  private readonly stop: () => void;

  constructor(private readonly bus: Pick<EventBus, 'subscribe' | 'listen' | 'send'>) {
    this.stop = bus.subscribe((event) => {
      if (event.type === 'replay.asked') this.answer(event);
    });
  }

  close(): void {
    this.stop();
  }

  private answer({ replayId }: Asked): void {
    const send = (answer: ReplayOffer | ReplayReport): void =>
      this.bus.send(replayAnswersTopic(replayId), JSON.stringify(answer));
    const offerId = randomUUID();
    const { stop } = this.bus.listen(replayOrdersTopic(offerId), (message) => {
      stop();
      this.orders.push(JSON.parse(message) as ReplayOrder);
      send(this.report);
    });
    send({ kind: 'offer', state: 'ready', offerId, exchange: null, bodies: null, ...this.offer });
  }
}
