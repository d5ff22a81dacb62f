import type {
  Directory,
  DirectoryFigures,
  DirectoryListener,
  EdgeNode,
  Holder,
  Holding,
} from './directory.js';
import {
  decodeMessage,
  encodeEdge,
  encodeEdgeMessage,
  encodeGone,
  MalformedDirectoryDataError,
  type EdgeRecord,
} from './directory-codec.js';
import { DirectoryConnection } from './directory-connection.js';
import { ANNOUNCEMENTS, channelsOf, edgeKey } from './directory-keys.js';
import { DEFAULT_TIMES, tickOf, type DirectoryTimes } from './directory-times.js';
import { HolderLookups } from './holder-lookups.js';
import { HoldingReports } from './holding-reports.js';
import { LivingEdges } from './living-edges.js';

/** Limit of confirmations that wait for the next tick. */
const MAX_CONFIRMATIONS = 10_000;
/** Renewals without an echo after which messages count as lost. */
const MAX_UNECHOED = 4;

/**
 * The directory in Redis. Every edge has a record that expires, and a field in the hash of each traffic manager that it
 * holds. Changes are announced, so that the copies in the memory of other edges are right within a message's time. What
 * is missed while Redis is away is looked up and written anew afterwards; until then the known holders stay in use.
 */
export class RedisDirectory implements Directory {
  private readonly times: DirectoryTimes;
  private readonly tickMs: number;
  private readonly living = new LivingEdges();
  private readonly connection: DirectoryConnection;
  private readonly reports: HoldingReports;
  private readonly lookups: HolderLookups;
  private readonly timer: NodeJS.Timeout;
  private readonly confirmations = new Set<string>();
  private readonly reported = new Set<string>();
  private listener: DirectoryListener | null = null;
  /** True once Redis has the record of this edge. */
  private isRegistered = false;
  private isRenewing = false;
  private wasComplete = false;
  private renewedAt = 0;
  private loadsAt: number;
  /** When this edge last received one of its own announcements: proof that it would have received those of others. */
  private echoedAt = performance.now();
  /** Renewals since then. Counted, because time also passes while this process is too busy to read. */
  private unechoed = 0;
  private isClosed = false;

  /** Begins to connect. Until Redis is available, other edges are unknown. */
  constructor(
    redisUrl: string,
    readonly self: EdgeNode,
    private readonly onError: (error: unknown) => void,
    times: Partial<DirectoryTimes> = {},
  ) {
    this.times = { ...DEFAULT_TIMES, ...times };
    this.tickMs = tickOf(this.times);
    // Edges that start together do not write their loads together.
    this.loadsAt = performance.now() + Math.random() * this.times.loadMs;
    this.connection = new DirectoryConnection(redisUrl, channelsOf(self.id), {
      onReady: () => this.restart(),
      onListening: () => this.handleListening(),
      onMessage: (message) => this.handleMessage(message),
      onError,
    });
    const onMalformed = (error: MalformedDirectoryDataError) => this.reportOnce(error);
    this.reports = new HoldingReports(self.id, this.connection, this.times, onMalformed);
    this.lookups = new HolderLookups(self.id, this.connection, this.living, this.times, {
      onHolders: (trafficManagerId) => this.notify((listener) => listener.onHolders(trafficManagerId)),
      onMalformed,
    });
    this.timer = setInterval(() => this.tick(), this.tickMs).unref();
  }

  get figures(): DirectoryFigures {
    return {
      edges: this.living.size,
      cached: this.lookups.size,
      held: this.reports.size,
      isConnected: this.connection.isReady && this.connection.isListening,
      isComplete: this.isRegistered && this.reports.isComplete,
    };
  }

  get hasOtherMachine(): boolean {
    return this.living.hasOtherMachine(this.self.machineId);
  }

  holdersOf(trafficManagerId: string): readonly Holder[] | null {
    return this.lookups.holdersOf(trafficManagerId);
  }

  report(trafficManagerId: string, holding: Holding | null): void {
    if (this.isClosed) return;
    this.reports.report(trafficManagerId, holding === null || holding.tunnelCount === 0 ? null : holding);
  }

  disbelieve(trafficManagerId: string, edgeId: string): void {
    this.lookups.disbelieve(trafficManagerId, edgeId);
  }

  listen(listener: DirectoryListener): void {
    this.listener = listener;
  }

  async close(): Promise<void> {
    if (this.isClosed) return;
    this.isClosed = true;
    clearInterval(this.timer);
    this.listener = null;
    // Others forget this edge at once; its fields are removed only so that Redis need not keep them.
    const replies = await this.connection.run([
      ['publish', ANNOUNCEMENTS, encodeGone(this.self.id)],
      ['del', edgeKey(this.self.id)],
    ]);
    if (replies !== null) await this.reports.withdrawAll();
    this.connection.close();
  }

  private get record(): EdgeRecord {
    return { node: this.self, isComplete: this.reports.isComplete, heldCount: this.reports.size };
  }

  private tick(): void {
    const now = performance.now();
    this.lookups.tick(now);
    // Without an echo, the silence of others proves nothing.
    if (this.connection.isListening && now - this.echoedAt < this.times.renewMs * 1.5)
      for (const record of this.living.expire(now - this.times.edgeLifeMs + this.tickMs, this.isLinked))
        this.notifyGone(record, false);
    for (const id of this.confirmations) this.reports.confirm(id);
    this.confirmations.clear();
    if (now >= this.loadsAt) {
      this.loadsAt = now + this.times.loadMs;
      this.reports.queueNewLoads();
    }
    const isNowComplete = this.reports.isComplete !== this.wasComplete;
    if (isNowComplete || now - this.renewedAt >= this.times.renewMs) void this.renew();
    void this.reports.tick(this.tickMs);
  }

  /** Writes everything anew, because Redis may have lost it. */
  private restart(): void {
    if (this.isClosed) return;
    this.isRegistered = false;
    this.reports.restart();
    this.lookups.doubtAll();
    void this.renew();
  }

  /** Writes the record of this edge, and then announces it. */
  private async renew(): Promise<void> {
    if (this.isRenewing || this.isClosed || !this.connection.isReady) return;
    this.isRenewing = true;
    const { record, isRegistered } = this;
    const life = ['PX', this.times.edgeLifeMs] as const;
    const key = edgeKey(this.self.id);
    const replies = await this.connection.run([
      isRegistered
        ? ['set', key, encodeEdge(record), ...life, 'XX']
        : ['set', key, encodeEdge(record), ...life],
    ]);
    this.isRenewing = false;
    if (replies === null || this.isClosed) return;
    if (replies[0] === null || (this.isRegistered !== isRegistered && isRegistered)) {
      // The record expired, or Redis was emptied.
      this.restart();
      return;
    }
    this.renewedAt = performance.now();
    this.wasComplete = record.isComplete;
    void this.connection.run([['publish', ANNOUNCEMENTS, encodeEdgeMessage(record)]]);
    if (isRegistered) {
      this.checkEcho();
      return;
    }
    this.isRegistered = true;
    this.reports.open();
    void this.reports.tick(this.tickMs);
  }

  /** Commands succeed, and yet none of the announcements comes back: the other connection is broken. */
  private checkEcho(): void {
    if (!this.connection.isListening || this.unechoed++ < MAX_UNECHOED) return;
    this.unechoed = 0;
    this.connection.listenAgain();
  }

  private handleListening(): void {
    this.echoedAt = performance.now();
    this.unechoed = 0;
    this.living.forgive(this.echoedAt);
    this.lookups.doubtAll();
  }

  private handleMessage(text: string): void {
    const message = decodeMessage(text);
    if (message === undefined) return;
    if (message === null) {
      this.reportOnce(new MalformedDirectoryDataError('message'));
      return;
    }
    switch (message.type) {
      case 'edge':
        if (message.record.node.id === this.self.id) this.handleEcho();
        else this.handleRecord(message.record);
        break;
      case 'gone':
        this.handleLeaving(message.edgeId);
        break;
      case 'holdings':
        if (message.edgeId !== this.self.id)
          for (const change of message.changes) this.lookups.handleChange(message.edgeId, change);
        break;
      case 'confirm':
        for (const id of message.trafficManagerIds)
          if (this.confirmations.size < MAX_CONFIRMATIONS) this.confirmations.add(id);
        break;
      default:
        throw new Error('unknown message of the directory');
    }
  }

  private handleEcho(): void {
    const now = performance.now();
    // Redis or this process stood still: what others announced meanwhile may not have arrived.
    if (now - this.echoedAt >= this.times.renewMs * 1.5) {
      this.living.forgive(now);
      this.lookups.doubtAll();
    }
    this.echoedAt = now;
    this.unechoed = 0;
  }

  /**
   * Until an edge has written everything anew, a holding of it that Redis lacks is believed. Once it has, that may be one
   * that it no longer has, and whose end was announced before this edge listened again.
   */
  private handleRecord(record: EdgeRecord): void {
    const wasComplete = this.living.get(record.node.id)?.isComplete;
    this.living.add(record, performance.now());
    if (wasComplete === false && record.isComplete) this.lookups.doubt(record.node.id);
  }

  /** An edge that only Redis cannot reach keeps its holdings. Its link ends when the edge itself is gone. */
  private readonly isLinked = (edgeId: string): boolean => this.listener?.isLinked?.(edgeId) === true;

  private handleLeaving(edgeId: string): void {
    const record = this.living.remove(edgeId);
    if (record !== undefined) this.notifyGone(record, true);
  }

  private notifyGone({ node, heldCount }: EdgeRecord, hasLeft: boolean): void {
    this.notify((listener) => listener.onEdgeGone(node.id, { node, hasLeft, heldCount }));
  }

  private notify(call: (listener: DirectoryListener) => void): void {
    if (this.listener === null) return;
    try {
      call(this.listener);
    } catch (error) {
      this.onError(error);
    }
  }

  private reportOnce(error: MalformedDirectoryDataError): void {
    if (this.reported.has(error.kind)) return;
    this.reported.add(error.kind);
    this.onError(error);
  }
}
