import {
  bodiesTopic,
  type ClusterEvent,
  type EventBus,
  EXCHANGE_WATCH_MS,
  exchangesTopic,
  watcherTopic,
} from '@culvert/events';
import type { Exchange } from '@culvert/contract';
import { type BegunExchange, forwardedFor, type Relay, type TrustedProxies } from '@culvert/relay';
import type { Logger } from 'pino';
import type { PreviewGate } from '../previews/preview-gate.js';
import { ExchangeWatch } from './exchange-watch.js';
import { WatchMemory } from './watch-memory.js';

/** How long what happens may wait to be said together with more. */
const FLUSH_MS = 100;
/** Previews that are watched at once. */
const MAX_WATCHES = 500;
const MAX_WATCHERS_PER_PREVIEW = 100;
const MAX_MEMORY_BYTES = 64 * 1024 * 1024;

type Watched = Extract<ClusterEvent, { type: 'preview.watched' }>;

interface Held {
  readonly watch: ExchangeWatch;
  readonly watchers: Map<string, { until: number; readonly capturesBodies: boolean }>;
}

/**
 * The previews whose exchanges somebody watches. Whoever watches says so again and again; a watch that nobody renews ends
 * by itself, so that a process which is gone costs nothing for long.
 */
export class ExchangeWatches {
  private readonly held = new Map<string, Held>();
  private readonly memory = new WatchMemory(MAX_MEMORY_BYTES);
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
      this.held.get(previewId)?.watchers.delete(watcherId);
      this.endUnwatched();
      return;
    }
    const held = this.held.get(previewId) ?? this.begin(event);
    if (held === null) return;
    const isNew = !held.watchers.has(watcherId);
    if (isNew && held.watchers.size >= MAX_WATCHERS_PER_PREVIEW) return;
    const capturesBodies = captures === 'bodies';
    held.watchers.set(watcherId, { until: performance.now() + EXCHANGE_WATCH_MS, capturesBodies });
    held.watch.capturesBodies ||= capturesBodies;
    if (phase === 'start')
      held.watch.tellPast((lines) => this.bus.send(watcherTopic(watcherId), lines), {
        withBodies: capturesBodies,
      });
  }

  /** What is known of an exchange of a watched preview, as `ExchangeWatch` shows it; null when it is not held. */
  find(previewId: string, exchangeId: string): { readonly line: string; readonly bodies: string } | null {
    return this.held.get(previewId)?.watch.find(exchangeId) ?? null;
  }

  close(): void {
    if (this.timer !== null) clearInterval(this.timer);
    this.timer = null;
    for (const [previewId, { watch }] of this.held) this.end(previewId, watch);
  }

  private begin({ teamId, previewId }: Watched): Held | null {
    if (this.held.size >= MAX_WATCHES) {
      this.log.warn({ previewId, count: this.held.size }, 'too many previews are watched');
      return null;
    }
    const watch = new ExchangeWatch({
      visitorOf: (exchange) => this.visitorOf(exchange),
      memory: this.memory,
      sendExchanges: (lines) => this.bus.send(exchangesTopic(teamId, previewId), lines),
      sendBodies: (lines) => this.bus.send(bodiesTopic(teamId, previewId), lines),
    });
    const held: Held = { watch, watchers: new Map() };
    this.held.set(previewId, held);
    this.relay.observers.set(previewId, watch);
    this.timer ??= setInterval(() => this.beat(), FLUSH_MS).unref();
    return held;
  }

  private beat(): void {
    for (const { watch } of this.held.values()) watch.flush();
    this.endUnwatched();
  }

  private endUnwatched(): void {
    const now = performance.now();
    for (const [previewId, { watch, watchers }] of this.held) {
      let capturesBodies = false;
      for (const [id, watcher] of watchers) {
        if (watcher.until <= now) watchers.delete(id);
        else capturesBodies ||= watcher.capturesBodies;
      }
      watch.capturesBodies = capturesBodies;
      if (watchers.size === 0) this.end(previewId, watch);
    }
    if (this.held.size > 0 || this.timer === null) return;
    clearInterval(this.timer);
    this.timer = null;
  }

  private end(previewId: string, watch: ExchangeWatch): void {
    this.held.delete(previewId);
    this.relay.observers.delete(previewId);
    watch.close();
  }

  private visitorOf({ request, peer, replay }: BegunExchange): Exchange['visitor'] {
    if (replay !== null) return { address: peer, kind: 'replay', id: replay.callerId };
    const proxies: TrustedProxies = this.relay.trustedProxies;
    return { address: proxies.clientOf(peer, forwardedFor(request)), ...this.gate.visitorOf(request) };
  }
}
