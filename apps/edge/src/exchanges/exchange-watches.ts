import {
  bodiesTopic,
  type ClusterEvent,
  type EventBus,
  EXCHANGE_WATCH_MS,
  exchangesTopic,
  watcherTopic,
} from '@culvert/events';
import type { Exchange } from '@culvert/contract';
import type { PreviewRoute } from '@culvert/domain';
import { InflateBudget, WatchMemory } from '@culvert/messages';
import { type BegunExchange, forwardedFor, type Relay, type TrustedProxies } from '@culvert/relay';
import type { Logger } from 'pino';
import type { PreviewGate } from '../previews/preview-gate.js';
import { ExchangeWatch, type Keeper } from './exchange-watch.js';

/** Milliseconds that a report may wait to be sent together with others. */
const FLUSH_MS = 100;
/** Maximum number of previews that are watched at once. */
const MAX_WATCHES = 500;
const MAX_WATCHERS_PER_PREVIEW = 100;
/** Maximum number of previews that keep their exchanges; the one that was added first is forgotten until its next look-up. */
const MAX_KEEPING = 10_000;
/** Memory of all previews together, and of one. */
const MAX_MEMORY_BYTES = 64 * 1024 * 1024;
const MAX_MEMORY_BYTES_PER_PREVIEW = MAX_MEMORY_BYTES / 4;
/** Bytes of compressed messages that this edge decompresses per second; it takes about a twentieth of that second. */
const INFLATED_BYTES_PER_SECOND = 16 * 1024 * 1024;

type Watched = Extract<ClusterEvent, { type: 'preview.watched' }>;

/** A preview as its route needs it. */
type KeepingPreview = Pick<PreviewRoute, 'id' | 'teamId' | 'hostname' | 'keep'>;

interface WatchedPreview {
  readonly watch: ExchangeWatch;
  readonly watchers: Map<string, { until: number; readonly capturesBodies: boolean }>;
}

/** Returns what takes the exchanges that a preview keeps; null if this process cannot keep any. */
export type FindKeeper = (preview: KeepingPreview) => Keeper | null;

/**
 * The previews whose exchanges are being watched or kept. A watching process renews its watch regularly; a watch that is not
 * renewed ends by itself, so that a lost process does not cost anything for long.
 */
export class ExchangeWatches {
  private readonly watched = new Map<string, WatchedPreview>();
  /** Those of them that people watch now. */
  private readonly live = new Map<string, WatchedPreview>();
  /** IDs of the previews that keep their exchanges, by hostname. */
  private readonly keeping = new Map<string, string>();
  private readonly memory = new WatchMemory(MAX_MEMORY_BYTES);
  private readonly inflateBudget = new InflateBudget(INFLATED_BYTES_PER_SECOND);
  private timer: NodeJS.Timeout | null = null;

  constructor(
    private readonly relay: Pick<Relay, 'observers' | 'trustedProxies'>,
    private readonly gate: Pick<PreviewGate, 'visitorOf'>,
    private readonly bus: Pick<EventBus, 'send'>,
    private readonly log: Logger,
    private readonly findKeeper: FindKeeper = () => null,
  ) {}

  handle(event: Watched): void {
    const { previewId, watcherId, phase, captures } = event;
    if (phase === 'stop') {
      this.watched.get(previewId)?.watchers.delete(watcherId);
      this.endUnwatched();
      return;
    }
    const preview = this.beginLive(event);
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

  /** Begins or ends to keep exchanges of a preview, as it was just looked up. */
  keep(preview: KeepingPreview): void {
    const { id, teamId, hostname, keep } = preview;
    const known = this.watched.get(id);
    const isCurrent = keep !== null && known?.watch.keeper?.policyVersion === keep.policyVersion;
    const keeper = isCurrent ? known.watch.keeper : this.findKeeper(preview);
    if (keeper === null) {
      this.stopKeeping(hostname);
      return;
    }
    const watched = known ?? this.add(teamId, id);
    watched.watch.keeper = keeper;
    this.keeping.delete(hostname);
    this.keeping.set(hostname, id);
    if (this.keeping.size <= MAX_KEEPING) return;
    const [oldest = ''] = this.keeping.keys();
    this.stopKeeping(oldest);
  }

  /** Keeps no more exchanges at this hostname until it is looked up again. Those under way are kept still. */
  stopKeeping(hostname: string): void {
    const previewId = this.keeping.get(hostname);
    if (previewId === undefined) return;
    this.keeping.delete(hostname);
    const watched = this.watched.get(previewId);
    if (watched === undefined) return;
    watched.watch.keeper = null;
    if (!this.live.has(previewId)) this.remove(previewId);
  }

  close(): void {
    if (this.timer !== null) clearInterval(this.timer);
    this.timer = null;
    for (const [previewId, { watch }] of this.watched) {
      this.remove(previewId);
      watch.close();
    }
    this.live.clear();
    this.keeping.clear();
  }

  private beginLive({ teamId, previewId }: Watched): WatchedPreview | null {
    const live = this.live.get(previewId);
    if (live !== undefined) return live;
    if (this.live.size >= MAX_WATCHES) {
      this.log.warn({ previewId, count: this.live.size }, 'too many previews are watched');
      return null;
    }
    const preview = this.watched.get(previewId) ?? this.add(teamId, previewId);
    preview.watch.isLive = true;
    this.live.set(previewId, preview);
    this.timer ??= setInterval(() => this.beat(), FLUSH_MS).unref();
    return preview;
  }

  private add(teamId: string, previewId: string): WatchedPreview {
    const watch = new ExchangeWatch({
      visitorOf: (exchange) => this.visitorOf(exchange),
      memory: new WatchMemory(MAX_MEMORY_BYTES_PER_PREVIEW, this.memory),
      inflateBudget: this.inflateBudget,
      onFault: (error) => this.log.error({ err: error, previewId }, 'messages of an exchange cannot be read'),
      sendExchanges: (lines) => this.bus.send(exchangesTopic(teamId, previewId), lines),
      sendBodies: (lines) => this.bus.send(bodiesTopic(teamId, previewId), lines),
    });
    watch.isLive = false;
    const preview: WatchedPreview = { watch, watchers: new Map() };
    this.watched.set(previewId, preview);
    this.relay.observers.set(previewId, watch);
    return preview;
  }

  private remove(previewId: string): void {
    this.watched.delete(previewId);
    this.relay.observers.delete(previewId);
  }

  private beat(): void {
    for (const { watch } of this.live.values()) watch.flush();
    this.endUnwatched();
  }

  private endUnwatched(): void {
    const now = performance.now();
    for (const [previewId, { watch, watchers }] of this.live) {
      let capturesBodies = false;
      for (const [id, watcher] of watchers) {
        if (watcher.until <= now) watchers.delete(id);
        else capturesBodies ||= watcher.capturesBodies;
      }
      watch.capturesBodies = capturesBodies;
      if (watchers.size === 0) this.endLive(previewId, watch);
    }
    if (this.live.size > 0 || this.timer === null) return;
    clearInterval(this.timer);
    this.timer = null;
  }

  private endLive(previewId: string, watch: ExchangeWatch): void {
    this.live.delete(previewId);
    if (watch.keeper !== null) {
      watch.endLive();
      return;
    }
    this.remove(previewId);
    watch.close();
  }

  private visitorOf({ request, peer, replay }: BegunExchange): Exchange['visitor'] {
    if (replay !== null) return { address: peer, kind: 'replay', id: replay.callerId };
    const proxies: TrustedProxies = this.relay.trustedProxies;
    return { address: proxies.clientOf(peer, forwardedFor(request)), ...this.gate.visitorOf(request) };
  }
}
