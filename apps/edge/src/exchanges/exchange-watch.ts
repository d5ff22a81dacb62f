import { randomUUID } from 'node:crypto';
import {
  type CapturedBody,
  type Exchange,
  type ExchangeBodies,
  type ExchangeMessage,
  MAX_CAPTURED_BYTES,
  RESPONSE_NOTES,
} from '@culvert/contract';
import { type Fields, oddityCodes } from '@culvert/http1';
import {
  ExchangeMessages,
  type InflateBudget,
  MessageBudget,
  trailerLines,
  type WatchMemory,
} from '@culvert/messages';
import {
  type BegunExchange,
  BodyCapture,
  type ExchangeObserver,
  ExchangeTrace,
  requestChanges,
  responseChanges,
} from '@culvert/relay';
import { maskChanges, maskFields, maskTarget } from './masking.js';
import { observeAnswer, observeRequest } from './observe-messages.js';

/** Maximum number of exchanges that are held for later watchers, and of bytes that they use. */
const MAX_HELD = 200;
const MAX_HELD_BYTES = 4 * 1024 * 1024;
/** Maximum number of exchanges that are recorded at once, and in each second; further ones are only counted. */
const MAX_PER_SECOND = 300;
/** Maximum number of bytes sent in one second; exchanges beyond it are sent without heads and bodies. */
const MAX_BYTES_PER_SECOND = 2 * 1024 * 1024;
/** Milliseconds between two reports of the numbers of messages of one exchange. */
const COUNT_MS = 1000;
/** Longest message between processes. */
const MAX_MESSAGE_LENGTH = 262_144;

export interface WatchOptions {
  /** Returns the visitor, as far as the gate knows. */
  readonly visitorOf: (exchange: BegunExchange) => Exchange['visitor'];
  readonly memory: WatchMemory;
  /** Shared by all watches of the edge. */
  readonly inflateBudget: InflateBudget;
  /** A reader of messages has failed. The exchange continues. */
  readonly onFault: (error: unknown) => void;
  readonly sendExchanges: (lines: string) => void;
  readonly sendBodies: (lines: string) => void;
}

/** Takes the exchanges of a preview that keeps its last ones. */
export interface Keeper {
  /** Whether bodies are kept too. */
  readonly bodies: boolean;
  /** Version of the policy of the team, from which all its properties follow. */
  readonly policyVersion: number;
  add(exchange: Exchange, bodies: ExchangeBodies | null): void;
  /** An exchange was left out, because there were too many. */
  omit(): void;
}

/** One exchange as it was last shown. */
interface Shown {
  readonly id: string;
  readonly line: string;
  /** Captured bodies; empty if there are none. */
  readonly bodies: string;
  readonly bytes: number;
}

interface Begun {
  readonly id: string;
  readonly replayOf: string | null;
  readonly startedAt: string;
  readonly visitor: Exchange['visitor'];
  heldBytes: number;
  /** The keeper of the preview when the exchange began. */
  readonly keeper: Keeper | null;
  /** Whether bodies were captured from the start. */
  readonly isCaptured: boolean;
  readonly messages: ExchangeMessages;
  /** When the numbers of messages were last reported, by the clock of `performance.now`. */
  countedAt: number;
  /** Whether the exchange has ended, or the watch has. */
  isOver: boolean;
}

/**
 * Watches the exchanges of one preview for the people who follow it. Reports each when it begins and when it ends, in
 * batches: one that ends within its batch is reported once. Lines are JSON after a letter: `e` an exchange, `b` its
 * bodies, `o` how many were left out, `m` a message within an exchange, `n` how many messages were left out. If the
 * preview keeps its exchanges, its keeper gets each when it ends.
 */
export class ExchangeWatch implements ExchangeObserver {
  /** Whether a person follows the exchanges, and whether they want bodies. Both change while the watch lasts. */
  isLive = true;
  capturesBodies = false;
  /** Null: exchanges are not kept. */
  keeper: Keeper | null = null;
  private readonly begun = new Map<ExchangeTrace, Begun>();
  private readonly changed = new Set<ExchangeTrace>();
  private lines: string[] = [];
  private bodyLines: string[] = [];
  private readonly held: Shown[] = [];
  private heldBytes = 0;
  private omitted = 0;
  private omittedMessages = 0;
  private readonly messageBudget = new MessageBudget();
  /** Exchanges that can be recorded now, by the clock of `performance.now`. */
  private turns = MAX_PER_SECOND;
  private turnsAt = performance.now();
  /** The current second. */
  private second = 0;
  private sentBytes = 0;

  constructor(private readonly options: WatchOptions) {}

  begin(exchange: BegunExchange): ExchangeTrace | null {
    if (!this.reserveTurn()) {
      if (this.isLive) this.omitted++;
      this.keeper?.omit();
      return null;
    }
    const id = exchange.replay?.id ?? randomUUID();
    const { keeper } = this;
    const begun: Begun = {
      id,
      replayOf: exchange.replay?.replayOf ?? null,
      startedAt: new Date(performance.timeOrigin + exchange.startedAt).toISOString(),
      visitor: this.options.visitorOf(exchange),
      heldBytes: 0,
      keeper,
      isCaptured: this.capturesBodies || keeper?.bodies === true,
      messages: this.messagesOf(id, keeper, () => this.countMessages(trace, begun)),
      countedAt: 0,
      isOver: false,
    };
    const requestBody = this.capture(begun);
    const isOfMessages = observeRequest(begun.messages, exchange.request, requestBody, this.options.onFault);
    const trace = new ExchangeTrace(
      exchange,
      this,
      begun.isCaptured || isOfMessages ? requestBody : null,
      begun.isCaptured ? this.capture(begun) : null,
    );
    this.begun.set(trace, begun);
    if (this.isLive) this.changed.add(trace);
    return trace;
  }

  answered(trace: ExchangeTrace): void {
    const begun = this.begun.get(trace);
    if (begun === undefined) return;
    observeAnswer(begun.messages, trace, () => this.capture(begun), this.options.onFault);
    if (this.isLive) this.changed.add(trace);
  }

  trailed(trace: ExchangeTrace, trailers: Fields): void {
    this.begun.get(trace)?.messages.addTrailers(trailerLines(trailers));
  }

  readerFailed(error: unknown): void {
    this.options.onFault(error);
  }

  end(trace: ExchangeTrace): void {
    const begun = this.begun.get(trace);
    if (begun === undefined) return;
    this.begun.delete(trace);
    this.changed.delete(trace);
    begun.isOver = true;
    const { keeper, messages } = begun;
    const bodies = bodiesOf(begun, trace);
    keeper?.add(exchangeOf(begun, trace), keeper.bodies ? bodies : null);
    if (this.isLive) {
      const shown = this.show(begun, trace, this.capturesBodies ? bodies : null);
      this.lines.push(shown.line);
      if (shown.bodies !== '') this.bodyLines.push(shown.bodies);
      this.hold(shown);
    }
    messages.close();
    this.options.memory.release(begun.heldBytes);
  }

  /** Sends everything since the last call. */
  flush(): void {
    for (const trace of this.changed) {
      const begun = this.begun.get(trace);
      if (begun !== undefined) this.lines.push(lineOf(exchangeOf(begun, trace)));
    }
    this.changed.clear();
    if (this.omitted > 0) this.lines.push(`o${this.omitted}`);
    this.omitted = 0;
    if (this.omittedMessages > 0) this.bodyLines.push(`n${this.omittedMessages}`);
    this.omittedMessages = 0;
    sendIn(this.lines, this.options.sendExchanges);
    sendIn(this.bodyLines, this.options.sendBodies);
    this.lines = [];
    this.bodyLines = [];
  }

  /** Sends the held exchanges to a new watcher. */
  tellPast(send: (lines: string) => void, options: { readonly withBodies: boolean }): void {
    const lines = this.held.map(({ line }) => line);
    const bodies = options.withBodies ? this.held.flatMap((shown) => shown.bodies || []) : [];
    for (const [trace, begun] of this.begun) {
      lines.push(lineOf(exchangeOf(begun, trace)));
      if (options.withBodies) bodies.push(...begun.messages.kept.map(messageLine));
    }
    sendIn([...lines, ...bodies], send);
  }

  /** Returns the lines of one exchange; null if it is not held. */
  find(id: string): { readonly line: string; readonly bodies: string } | null {
    const shown = this.held.find((each) => each.id === id);
    if (shown !== undefined) return shown;
    for (const [trace, begun] of this.begun)
      if (begun.id === id) return { line: lineOf(exchangeOf(begun, trace)), bodies: '' };
    return null;
  }

  /** Ends the watch. Exchanges under way no longer report their end. */
  close(): void {
    for (const begun of this.begun.values()) {
      begun.isOver = true;
      begun.messages.close();
      this.options.memory.release(begun.heldBytes);
    }
    this.begun.clear();
    this.endLive();
  }

  /** Forgets what was only held for people who follow. Exchanges under way still reach their keeper. */
  endLive(): void {
    this.isLive = false;
    this.capturesBodies = false;
    this.changed.clear();
    this.lines = [];
    this.bodyLines = [];
    this.omitted = 0;
    this.omittedMessages = 0;
    this.options.memory.release(this.heldBytes);
    this.heldBytes = 0;
    this.held.length = 0;
  }

  private messagesOf(exchangeId: string, keeper: Keeper | null, onChange: () => void): ExchangeMessages {
    const { memory, inflateBudget } = this.options;
    return new ExchangeMessages({
      exchangeId,
      memory,
      budget: inflateBudget,
      messageBudget: this.messageBudget,
      captures: () => this.capturesBodies || keeper?.bodies === true,
      onMessage: (json) => {
        if (this.capturesBodies) this.bodyLines.push(`m${json}`);
      },
      onOmitted: () => {
        if (this.capturesBodies) this.omittedMessages++;
      },
      onChange,
    });
  }

  /** Reports the numbers of messages again, at most once a second. */
  private countMessages(trace: ExchangeTrace, begun: Begun): void {
    const now = performance.now();
    if (begun.isOver || !this.isLive || now - begun.countedAt < COUNT_MS) return;
    begun.countedAt = now;
    this.changed.add(trace);
  }

  private capture(begun: Begun): BodyCapture {
    return new BodyCapture(begun.isCaptured ? MAX_CAPTURED_BYTES : 0, (bytes) => {
      // An exchange that outlasts its watch does not return memory: the watch returned it all when it ended.
      if (begun.isOver || !this.options.memory.reserve(bytes)) return 0;
      begun.heldBytes += bytes;
      return bytes;
    });
  }

  private show(begun: Begun, trace: ExchangeTrace, bodies: ExchangeBodies | null): Shown {
    const { id } = begun;
    const line = lineOf(exchangeOf(begun, trace));
    const bodyLine = bodies === null ? '' : `b${JSON.stringify(bodies)}`;
    this.enterSecond();
    this.sentBytes += line.length + bodyLine.length;
    if (this.sentBytes <= MAX_BYTES_PER_SECOND)
      return { id, line, bodies: bodyLine, bytes: 2 * (line.length + bodyLine.length) };
    const slim = lineOf(exchangeOf(begun, trace, { isSlim: true }));
    return { id, line: slim, bodies: '', bytes: 2 * slim.length };
  }

  private hold(shown: Shown): void {
    while (this.held.length >= MAX_HELD || this.heldBytes + shown.bytes > MAX_HELD_BYTES) {
      if (!this.dropOldest()) return;
    }
    while (!this.options.memory.reserve(shown.bytes)) if (!this.dropOldest()) return;
    this.held.push(shown);
    this.heldBytes += shown.bytes;
  }

  private dropOldest(): boolean {
    const oldest = this.held.shift();
    if (oldest === undefined) return false;
    this.heldBytes -= oldest.bytes;
    this.options.memory.release(oldest.bytes);
    return true;
  }

  /** Spreads turns evenly over time. Otherwise the first exchanges of a burst would use up all turns of a second. */
  private reserveTurn(): boolean {
    const now = performance.now();
    this.turns = Math.min(MAX_PER_SECOND, this.turns + ((now - this.turnsAt) * MAX_PER_SECOND) / 1000);
    this.turnsAt = now;
    if (this.turns < 1) return false;
    this.turns--;
    return true;
  }

  private enterSecond(): void {
    const second = Math.floor(performance.now() / 1000);
    if (second === this.second) return;
    this.second = second;
    this.sentBytes = 0;
  }
}

function lineOf(exchange: Exchange): string {
  return `e${JSON.stringify(exchange)}`;
}

/** Returns the exchange as the API shows it. @param isSlim leaves out heads, which take most of the space */
function exchangeOf(begun: Begun, trace: ExchangeTrace, { isSlim = false } = {}): Exchange {
  const { request, httpVersion } = trace.exchange;
  const left = { fields: [], isTruncated: true };
  return {
    id: begun.id,
    state: trace.isEnded ? 'ended' : 'open',
    startedAt: begun.startedAt,
    method: request.method,
    target: maskTarget(request.target),
    httpVersion,
    upgrade: request.upgrade || request.otherUpgrade || null,
    visitor: begun.visitor,
    replayOf: begun.replayOf,
    request: isSlim ? left : maskFields(request),
    response: trace.response === null ? null : isSlim ? left : maskFields(trace.response),
    changes: isSlim ? [] : changesOf(trace),
    notes: oddityCodes(trace.oddities).map((code) => ({ code, text: RESPONSE_NOTES[code] })),
    status: trace.status,
    error: trace.error,
    timings: {
      gateMs: rounded(trace.gateMs),
      waitMs: rounded(trace.waitMs),
      connectMs: rounded(trace.connectMs),
      firstByteMs: rounded(trace.firstByteMs),
      bodyMs: rounded(trace.bodyMs),
    },
    bytesIn: trace.bytesIn,
    bytesOut: trace.bytesOut,
    messages: begun.messages.summary,
  };
}

/** Returns what was captured of the bodies and messages; null if it is nothing. */
function bodiesOf(
  { id, isCaptured, messages: { kept } }: Begun,
  trace: ExchangeTrace,
): ExchangeBodies | null {
  if (!isCaptured && kept.length === 0) return null;
  const bodies: ExchangeBodies = {
    id,
    request: isCaptured ? bodyOf(trace.requestBody, trace.exchange.request) : null,
    response: isCaptured ? trace.response && bodyOf(trace.responseBody, trace.response) : null,
    ...(kept.length > 0 && { messages: kept }),
  };
  return bodies.request === null && bodies.response === null && kept.length === 0 ? null : bodies;
}

/** Returns a captured body as the API shows it; null if there was none, or it was not captured. */
export function bodyOf(capture: BodyCapture | null, head: Fields): CapturedBody | null {
  if (capture === null || capture.bytes === 0) return null;
  const { content, isTruncated } = capture.read();
  return {
    base64: content.toString('base64'),
    bytes: isTruncated ? capture.bytes : content.length,
    isTruncated,
    contentType: shortValue(head, (i) => head.isNamed(i, 'content-type')),
    contentEncoding: shortValue(head, (i) => head.isNamed(i, 'content-encoding')),
  };
}

function changesOf({ exchange: { request, route }, response }: ExchangeTrace): Exchange['changes'] {
  return [
    ...maskChanges('request', requestChanges(request, route)),
    ...(response === null ? [] : maskChanges('response', responseChanges(response, route))),
  ];
}

function shortValue(head: Fields, isMeant: (i: number) => boolean): string | null {
  for (let i = 0; i < head.count; i++) if (isMeant(i)) return head.value(i).slice(0, 256);
  return null;
}

function rounded<T extends number | null>(ms: T): T {
  return (ms === null ? null : Math.round(ms * 100) / 100) as T;
}

function messageLine(message: ExchangeMessage): string {
  return `m${JSON.stringify(message)}`;
}

/** Sends lines in messages that do not exceed the limit. */
function sendIn(lines: readonly string[], send: (lines: string) => void): void {
  let start = 0;
  let length = 0;
  for (let i = 0; i < lines.length; i++) {
    if (i > start && length + lines[i].length > MAX_MESSAGE_LENGTH) {
      send(lines.slice(start, i).join('\n'));
      start = i;
      length = 0;
    }
    length += lines[i].length;
  }
  if (start < lines.length) send(lines.slice(start).join('\n'));
}
