import {
  bodiesTopic,
  type ClusterEvent,
  type EventBus,
  EXCHANGE_WATCH_MS,
  exchangesTopic,
  watcherTopic,
} from '@culvert/events';
import type { Exchange } from '@culvert/contract';
import { InflateBudget, WatchMemory } from '@culvert/messages';
import { type BegunExchange, forwardedFor, type Relay, type TrustedProxies } from '@culvert/relay';
import type { Logger } from 'pino';
import type { PreviewGate } from '../previews/preview-gate.js';
import { ExchangeWatch } from './exchange-watch.js';

/** Milliseconds that a report may wait to be sent together with others. */
const FLUSH_MS = 100;
/** Maximum number of previews that are watched at once. */
const MAX_WATCHES = 500;
const MAX_WATCHERS_PER_PREVIEW = 100;
const MAX_MEMORY_BYTES = 64 * 1024 * 1024;
/** Bytes of compressed messages that this edge decompresses per second; it takes about a twentieth of that second. */
const INFLATED_BYTES_PER_SECOND = 16 * 1024 * 1024;

type Watched = Extract<ClusterEvent, { type: 'preview.watched' }>;

interface WatchedPreview {
  readonly watch: ExchangeWatch;
  readonly watchers: Map<string, { until: number; readonly capturesBodies: boolean }>;
}

/**
 * The previews whose exchanges are being watched. A watching process renews its watch regularly; a watch that is not
 * renewed ends by itself, so that a lost process does not cost anything for long.
 */
export class ExchangeWatches {
  private readonly watched = new Map<string, WatchedPreview>();
  private readonly memory = new WatchMemory(MAX_MEMORY_BYTES);
  private readonly inflateBudget = new InflateBudget(INFLATED_BYTES_PER_SECOND);
  private timer: NodeJS.Timeout | null = null;

  constructor(
    private readonly relay: Pick<Relay, 'observers' | 'trustedProxies'>,
    private readonly gate: Pick<PreviewGate, 'visitorOf'>,
    private readonly bus: Pick<EventBus, 'send'>,
    private readonly log: Logger,
  ) {}

  handle(event: Watched): void {
    const { previewId, watcherId, phase, captures } = event;
    if (phase === 'stop') {
      this.watched.get(previewId)?.watchers.delete(watcherId);
      this.endUnwatched();
      return;
    }
    const preview = this.watched.get(previewId) ?? this.begin(event);
    if (preview === null) return;
    const isNew = !preview.watchers.has(watcherId);
    if (isNew && preview.watchers.size >= MAX_WATCHERS_PER_PREVIEW) return;
    const capturesBodies = captures === 'bodies';
    preview.watchers.set(watcherId, { until: performance.now() + EXCHANGE_WATCH_MS, capturesBodies });
    preview.watch.capturesBodies ||= capturesBodies;
    if (phase === 'start')
      preview.watch.tellPast((lines) => this.bus.send(watcherTopic(watcherId), lines), {
        withBodies: capturesBodies,
      });
  }

  /** Returns an exchange of a watched preview, as `ExchangeWatch` shows it; null if the watch does not keep it. */
  find(previewId: string, exchangeId: string): { readonly line: string; readonly bodies: string } | null {
    return this.watched.get(previewId)?.watch.find(exchangeId) ?? null;
  }

  close(): void {
    if (this.timer !== null) clearInterval(this.timer);
    this.timer = null;
    for (const [previewId, { watch }] of this.watched) this.end(previewId, watch);
  }

  private begin({ teamId, previewId }: Watched): WatchedPreview | null {
    if (this.watched.size >= MAX_WATCHES) {
      this.log.warn({ previewId, count: this.watched.size }, 'too many previews are watched');
      return null;
    }
    const watch = new ExchangeWatch({
      visitorOf: (exchange) => this.visitorOf(exchange),
      memory: this.memory,
      inflateBudget: this.inflateBudget,
      onFault: (error) => this.log.error({ err: error, previewId }, 'messages of an exchange cannot be read'),
      sendExchanges: (lines) => this.bus.send(exchangesTopic(teamId, previewId), lines),
      sendBodies: (lines) => this.bus.send(bodiesTopic(teamId, previewId), lines),
    });
    const preview: WatchedPreview = { watch, watchers: new Map() };
    this.watched.set(previewId, preview);
    this.relay.observers.set(previewId, watch);
    this.timer ??= setInterval(() => this.beat(), FLUSH_MS).unref();
    return preview;
  }

  private beat(): void {
    for (const { watch } of this.watched.values()) watch.flush();
    this.endUnwatched();
  }

  private endUnwatched(): void {
    const now = performance.now();
    for (const [previewId, { watch, watchers }] of this.watched) {
      let capturesBodies = false;
      for (const [id, watcher] of watchers) {
        if (watcher.until <= now) watchers.delete(id);
        else capturesBodies ||= watcher.capturesBodies;
      }
      watch.capturesBodies = capturesBodies;
      if (watchers.size === 0) this.end(previewId, watch);
    }
    if (this.watched.size > 0 || this.timer === null) return;
    clearInterval(this.timer);
    this.timer = null;
  }

  private end(previewId: string, watch: ExchangeWatch): void {
    this.watched.delete(previewId);
    this.relay.observers.delete(previewId);
    watch.close();
  }

  private visitorOf({ request, peer, replay }: BegunExchange): Exchange['visitor'] {
    if (replay !== null) return { address: peer, kind: 'replay', id: replay.callerId };
    const proxies: TrustedProxies = this.relay.trustedProxies;
    return { address: proxies.clientOf(peer, forwardedFor(request)), ...this.gate.visitorOf(request) };
  }
}
