import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import {
  bodiesTopic,
  type ClusterEvent,
  type EventBus,
  EXCHANGE_WATCH_MS,
  exchangesTopic,
  type Listening,
  watcherTopic,
} from '@culvert/events';
import type { ExchangesQuery, OmittedExchanges, OmittedMessages } from '@culvert/contract';
import { EVENT_BUS } from '@culvert/nest';
import type { Caller } from '../../http/auth/caller.js';
import { Announcer } from '../../announcements/announcer.js';
import { type LiveStream, LiveStreams } from '../../http/event-stream/live-streams.js';
import type { StreamReader } from '../../http/event-stream/stream-reader.js';
import { PreviewsService } from '../previews.service.js';

/** A watch survives two lost renewals. */
const RENEW_MS = EXCHANGE_WATCH_MS / 3;
/** Bytes of past exchanges of a preview that all edges hold together. */
const MAX_WAITING_BYTES = 16 * 1024 * 1024;

/** Lets people watch the exchanges of a preview: makes edges send them, and forwards them. */
@Injectable()
export class ExchangeStreams {
  constructor(
    @Inject(EVENT_BUS) private readonly bus: EventBus,
    private readonly announcer: Announcer,
    private readonly streams: LiveStreams,
    private readonly previews: PreviewsService,
  ) {}

  async open(
    caller: Caller,
    previewId: string,
    { team, captureBodies }: ExchangesQuery,
    reader: StreamReader,
  ): Promise<void> {
    await this.previews.find(caller, previewId);
    const { teamId } = caller;
    const isThere = async () => (await this.previews.findOrNull(caller, previewId)) !== null;
    const watch = new Watch(this.bus, this.announcer, { teamId, previewId, captureBodies, isThere });
    const stream = this.streams.open(caller, reader, {
      scopes: captureBodies ? ['previews:read', 'previews:write'] : ['previews:read'],
      team,
      maxWaitingBytes: MAX_WAITING_BYTES,
      onClose: () => watch.stop(),
    });
    await watch.start(stream);
  }
}

const TAKE_ALONG: ReadonlySet<string> = new Set(['preview', 'intercept', 'traffic-manager']);

interface WatchOptions {
  readonly teamId: string;
  readonly previewId: string;
  readonly captureBodies: boolean;
  /** Reports whether the preview still exists. */
  readonly isThere: () => Promise<boolean>;
}

/** One stream's watch of one preview. */
class Watch {
  private readonly id = randomUUID();
  private readonly stops: (() => void)[] = [];
  private renewal: NodeJS.Timeout | undefined;
  private isOver = false;

  constructor(
    private readonly bus: EventBus,
    private readonly announcer: Announcer,
    private readonly options: WatchOptions,
  ) {}

  async start(stream: LiveStream): Promise<void> {
    if (this.isOver) return;
    const { teamId, previewId, captureBodies } = this.options;
    const topics = [exchangesTopic(teamId, previewId), watcherTopic(this.id)];
    if (captureBodies) topics.push(bodiesTopic(teamId, previewId));
    const listenings = topics.map((topic): Listening =>
      this.bus.listen(topic, (lines) => {
        for (const line of lines.split('\n')) passOn(stream, line);
      }),
    );
    this.stops.push(
      ...listenings.map(({ stop }) => stop),
      this.bus.subscribe((event) => this.handleEvent(event, stream)),
      this.bus.onGap(() => {
        stream.send({ name: 'reset', data: '{}' });
        void this.announce('start');
      }),
    );
    await Promise.all(listenings.map(({ isReady }) => isReady));
    // The watch was stopped in the meantime; `stop` ended only what existed then.
    if (this.isOver) return;
    await this.announce('start');
    this.renewal = setInterval(() => void this.announce('go-on'), RENEW_MS).unref();
    if (this.isOver) this.stop();
    else stream.send({ name: 'ready', data: '{}' });
    // The preview may have been removed before the watch received events.
    await this.look(stream);
  }

  stop(): void {
    this.isOver = true;
    clearInterval(this.renewal);
    for (const stop of this.stops.splice(0)) stop();
    void this.announce('stop');
  }

  private handleEvent(event: ClusterEvent, stream: LiveStream): void {
    if (event.type !== 'resource.changed' || event.change !== 'removed') return;
    // Removing a traffic manager or an intercept removes its previews.
    if (event.teamId === this.options.teamId && TAKE_ALONG.has(event.resource)) void this.look(stream);
  }

  private async look(stream: LiveStream): Promise<void> {
    const isThere = await this.options.isThere().catch(() => null);
    if (isThere !== true) stream.end(isThere === null ? 'interrupted' : 'gone');
  }

  private announce(phase: 'start' | 'go-on' | 'stop'): Promise<void> {
    const { teamId, previewId, captureBodies } = this.options;
    const captures = captureBodies ? 'bodies' : 'heads';
    return this.announcer.announce([
      { type: 'preview.watched', teamId, previewId, watcherId: this.id, phase, captures },
    ]);
  }
}

/** Forwards a line of an edge, as `ExchangeWatch` writes it: JSON after a letter for its kind. */
function passOn(stream: LiveStream, line: string): void {
  const data = line.slice(1);
  switch (line.charAt(0)) {
    case 'e':
      stream.send({ name: 'exchange', data });
      return;
    case 'b':
      stream.send({ name: 'bodies', data });
      return;
    case 'o':
      stream.send({
        name: 'omitted',
        data: JSON.stringify({ count: Number(data) } satisfies OmittedExchanges),
      });
      return;
    case 'm':
      stream.send({ name: 'message', data });
      return;
    case 'n':
      stream.send({
        name: 'messages_omitted',
        data: JSON.stringify({ count: Number(data) } satisfies OmittedMessages),
      });
      return;
    default:
    // Sent by a newer version.
  }
}
