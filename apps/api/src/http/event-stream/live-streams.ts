import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import type { ClusterEvent, EventBus } from '@culvert/events';
import { ProblemError, type StreamEnd } from '@culvert/contract';
import { type Scope, USER_SESSION_IDLE_MS } from '@culvert/domain';
import { EVENT_BUS, LOG, SETTINGS } from '@culvert/nest';
import { appUrl, Readiness, type Settings } from '@culvert/runtime';
import type { Logger } from 'pino';
import { AuthenticationService } from '../auth/authentication.service.js';
import type { Caller } from '../auth/caller.js';
import type { RequestFacts } from '../request-facts.js';
import { isFromElsewhere } from '../same-origin.js';
import type { EventStream, StreamEvent } from './event-stream.js';
import type { StreamReader } from './stream-reader.js';
import { ApiMeasures } from '../measures/api-measures.js';
import { StreamCounts } from './stream-counts.js';
import { WaitingBudget } from './waiting-budget.js';

/** Maximum number of streams of one person or key in all API processes; the next line is the limit of one team. */
const MAX_STREAMS_PER_CALLER = 20;
const MAX_STREAMS_PER_TEAM = 200;
/** Interval in which every caller is checked again, in case an event was lost. */
const RECHECK_MS = 30_000;
const MAX_TIMER_MS = 2 ** 31 - 1;

export interface LiveStreamOptions {
  /** Scopes that the caller must have as long as the stream is open. */
  readonly scopes: readonly Scope[];
  /** The query parameter `team`. */
  readonly team: string | undefined;
  readonly maxWaitingBytes: number;
  readonly onClose?: () => void;
  /** Called when the caller can read more or less than before. */
  readonly onScopesChange?: () => void;
}

/** A stream and its reader. */
export interface LiveStream {
  readonly caller: Caller;
  send(event: StreamEvent): void;
  end(reason: StreamEnd['reason']): void;
}

interface OpenStream {
  caller: Caller;
  readonly stream: EventStream;
  readonly facts: RequestFacts;
  readonly options: LiveStreamOptions;
  expiry: NodeJS.Timeout | undefined;
}

/**
 * The open streams of events of this process. They are counted, and end within a second when the access of their
 * readers ends: a key, a session, a membership, or a role with the scopes they need.
 */
@Injectable()
export class LiveStreams implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly openStreams = new Set<OpenStream>();
  private readonly counts: StreamCounts;
  private readonly waiting = new WaitingBudget();
  private readonly maxStreams: number;
  private readonly appOrigin: string;
  private recheck: NodeJS.Timeout | undefined;
  private unsubscribe: readonly (() => void)[] = [];
  private isStopping = false;

  constructor(
    @Inject(EVENT_BUS) private readonly bus: EventBus,
    @Inject(LOG) private readonly log: Logger,
    @Inject(SETTINGS) settings: Settings,
    private readonly readiness: Readiness,
    private readonly authentication: AuthenticationService,
    measures: ApiMeasures,
  ) {
    measures.showStreams(() => this.openStreams.size);
    this.maxStreams = settings.limits.maxEventStreams;
    this.counts = new StreamCounts(bus);
    this.appOrigin = appUrl(settings);
  }

  onApplicationBootstrap(): void {
    this.unsubscribe = [
      this.bus.subscribe((event) => this.handleEvent(event)),
      this.bus.onGap(() => this.check(() => true)),
    ];
    this.recheck = setInterval(() => this.check(() => true), RECHECK_MS).unref();
    this.readiness.onClosing(() => this.stop());
  }

  onModuleDestroy(): void {
    this.stop();
    clearInterval(this.recheck);
    this.counts.close();
    for (const unsubscribe of this.unsubscribe) unsubscribe();
  }

  /**
   * Answers a request with a stream.
   * @throws ProblemError if the caller is not allowed to have it, or there are too many; nothing was sent then
   */
  open(caller: Caller, { facts, begin }: StreamReader, options: LiveStreamOptions): LiveStream {
    // Another site's page could not read the stream, but would use up one of the person's few streams.
    if (caller.userSession !== null && isFromElsewhere(facts.headers, this.appOrigin))
      throw new ProblemError('cross_site_request');
    if (options.team !== undefined && options.team !== caller.teamId) throw new ProblemError('not_a_member');
    demandScopes(caller, options.scopes);
    const keys = this.reserve(caller);
    const stream = begin({
      waiting: this.waiting.share(options.maxWaitingBytes),
      onClose: () => {
        this.openStreams.delete(entry);
        clearTimeout(entry.expiry);
        for (const key of keys) this.counts.remove(key);
        options.onClose?.();
      },
    });
    const entry: OpenStream = { caller, stream, facts, options, expiry: undefined };
    this.openStreams.add(entry);
    // Check again: access may have ended between the guard and here, before events of it were received.
    if (!this.isStopping) void this.checkOne(entry);
    else queueMicrotask(() => stream.end('interrupted'));
    return {
      get caller() {
        return entry.caller;
      },
      send: (event) => stream.send(event),
      end: (reason) => stream.end(reason),
    };
  }

  private handleEvent(event: ClusterEvent): void {
    if (event.type === 'user.changed') {
      this.check(({ caller }) => caller.user?.id === event.userId);
    } else if (event.type === 'api-key.revoked') {
      for (const entry of this.openStreams)
        if (entry.caller.apiKey?.id === event.apiKeyId) entry.stream.end('access_ended');
    }
  }

  private check(concerns: (entry: OpenStream) => boolean): void {
    for (const entry of this.openStreams) if (concerns(entry)) void this.checkOne(entry);
  }

  private async checkOne(entry: OpenStream): Promise<void> {
    const { caller: before, stream, facts, options } = entry;
    try {
      const caller = await this.authentication.identifyAgain(facts);
      const isStillIn =
        caller !== null &&
        caller.teamId === before.teamId &&
        options.scopes.every((scope) => caller.scopes.includes(scope));
      if (!isStillIn) {
        stream.end('access_ended');
        return;
      }
      entry.caller = caller;
      this.awaitExpiry(entry);
      if (caller.scopes.join() !== before.scopes.join()) options.onScopesChange?.();
    } catch (error) {
      this.log.error({ err: error }, 'cannot check the reader of a stream again');
      stream.end('interrupted');
    }
  }

  /** Ends the stream when the credential expires, for which there is no event. */
  private awaitExpiry(entry: OpenStream): void {
    clearTimeout(entry.expiry);
    if (!entry.stream.isOpen) return;
    const { expiresAt, userSession } = entry.caller;
    const ends = [
      expiresAt?.getTime(),
      userSession && userSession.lastSeenAt.getTime() + USER_SESSION_IDLE_MS,
    ].filter((end) => typeof end === 'number');
    if (ends.length === 0) return;
    const leftMs = Math.max(1, Math.min(...ends) - Date.now() + 1);
    if (leftMs > MAX_TIMER_MS) return;
    entry.expiry = setTimeout(() => void this.checkOne(entry), leftMs).unref();
  }

  private reserve({ teamId, user, apiKey }: Caller): readonly string[] {
    const own = `caller ${user?.id ?? apiKey?.id}`;
    const team = `team ${teamId}`;
    const isFull =
      this.openStreams.size >= this.maxStreams ||
      this.counts.of(own) >= MAX_STREAMS_PER_CALLER ||
      this.counts.of(team) >= MAX_STREAMS_PER_TEAM;
    if (isFull) throw new ProblemError('too_many_streams');
    for (const key of [own, team]) this.counts.add(key);
    return [own, team];
  }

  private stop(): void {
    this.isStopping = true;
    for (const { stream } of this.openStreams) stream.end('interrupted');
  }
}

function demandScopes({ scopes }: Caller, wanted: readonly Scope[]): void {
  const lacking = wanted.filter((scope) => !scopes.includes(scope));
  if (lacking.length === 0) return;
  throw new ProblemError('insufficient_scope', { detail: `this needs the scope ${lacking.join(', ')}` });
}
