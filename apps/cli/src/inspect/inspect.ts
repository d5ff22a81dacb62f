import {
  exchange as exchangeSchema,
  exchangeBodies,
  exchangeMessage,
  omittedExchanges,
  omittedMessages,
  type Exchange,
  type ExchangeBodies,
  type ExchangeMessage,
} from '@culvert/contract';
import type { CommandContext } from '../command-context.js';
import type { ExitCode } from '../exit-code.js';
import { type ExchangeFilter, matchesFilter } from '@culvert/exchanges';
import { HarRecording } from '../har/har-recording.js';
import { follow, readEvent, type LiveEvent } from '../live/follow.js';
import { runLive } from '../live/run-live.js';
import type { Output } from '../output/output.js';
import { findPreview } from '../preview/find-preview.js';
import { bodyLines, detailsOf, lineOf } from './exchange-text.js';
import { messageLines } from './message-text.js';

export interface InspectFlags extends ExchangeFilter {
  readonly verbose?: boolean;
  readonly bodies?: boolean;
  readonly messages?: boolean;
  readonly har?: string;
  readonly count?: number;
}

/** Ids of shown exchanges, so that none is shown twice after an interruption. Culvert repeats at most 200. */
const MAX_SHOWN_IDS = 2000;
/** Bodies arrive after their exchange has ended. */
const WAIT_FOR_BODIES_MS = 2000;

/** An older server does not report changes of fields. */
const readableExchange = exchangeSchema.partial({ changes: true });

/** Shows the exchanges of a preview until a person ends it or enough were shown. */
export async function inspect(
  context: CommandContext,
  reference: string,
  flags: InspectFlags,
): Promise<ExitCode> {
  const { api, output } = context;
  const { id: previewId, url } = await findPreview(api, reference);
  const recording = flags.har === undefined ? null : new HarRecording(flags.har, new URL(url).origin);
  let exitCode: ExitCode;
  try {
    exitCode = await runLive(context, (signal, done) => {
      const { onEvent } = new Inspection(output, flags, recording, done);
      const captureBodies = flags.bodies === true || flags.messages === true;
      const note = (text: string): void => output.note(text);
      if (output.isWatched) note(`Waiting for requests of ${url}. Ctrl-C ends this.`);
      return follow({ of: 'exchanges', previewId, captureBodies }, { api, signal, note, onEvent });
    });
  } catch (error) {
    // What was recorded until the preview was removed, or Culvert no longer answered, is of use.
    if (recording !== null && recording.size > 0) finish(output, recording);
    else recording?.abandon();
    throw error;
  }
  if (recording !== null) finish(output, recording);
  return exitCode;
}

function finish(output: Output, recording: HarRecording): void {
  recording.finish();
  output.note(`Wrote ${recording.size} requests to ${recording.path}.`);
  if (recording.omitted > 0) output.note(`Left out ${recording.omitted} older requests.`);
}

class Inspection {
  /** Ids of the exchanges that were shown, oldest first, and whether they are still open. */
  private readonly shown = new Map<string, Exchange['state']>();
  private count = 0;
  /** Id of the last counted exchange. */
  private last: string | null = null;
  /** Position of the last message that was shown, by the id of its exchange. */
  private readonly seen = new Map<string, number>();
  /** Number of messages that were left out because the reader of stdout is slow. */
  private unreadMessages = 0;
  /** Number of exchanges that were left out because the reader of stdout is slow. */
  private unread = 0;
  private isOver = false;

  constructor(
    private readonly output: Output,
    private readonly flags: InspectFlags,
    private readonly recording: HarRecording | null,
    private readonly done: () => void,
  ) {}

  readonly onEvent = (event: LiveEvent): void => {
    const { output } = this;
    switch (event.name) {
      case 'exchange':
        return this.add({ changes: [], ...readEvent(readableExchange, event) } as Exchange);
      case 'bodies':
        return this.addBodies(event);
      case 'omitted':
        return this.showOmitted(readEvent(omittedExchanges, event).count);
      case 'message':
        return this.addMessage(readEvent(exchangeMessage, event) as ExchangeMessage);
      case 'messages_omitted':
        return this.showOmittedMessages(readEvent(omittedMessages, event).count);
      case 'reset':
        return output.event({ type: 'reset' }, () => output.note('Requests may have been missed.'));
      default:
    }
  };

  private add(exchange: Exchange): void {
    const { output, flags } = this;
    const { id, state } = exchange;
    // A WebSocket can last for hours: it is shown when it begins, and when it ends.
    const isLong =
      (exchange.upgrade !== null && exchange.status === 101) ||
      (this.flags.messages === true && exchange.messages !== undefined);
    if (this.isOver || (state === 'open' && !isLong) || this.shown.get(id) === state) return;
    if (this.shown.get(id) === 'ended' || !matchesFilter(exchange, flags)) return;
    this.remember(id, state);
    if (output.isBehind) this.unread++;
    else this.show(exchange);
    if (state === 'ended' || exchange.messages !== undefined) this.recording?.add(exchange);
    if (state === 'open') return;
    this.count++;
    this.last = id;
    if (this.count === flags.count) this.endSoon();
  }

  private show(exchange: Exchange): void {
    const { output, flags } = this;
    this.showOmitted(this.unread);
    this.unread = 0;
    output.event({ type: 'exchange', ...exchange }, () => {
      output.line(lineOf(exchange));
      if (flags.verbose === true) for (const line of detailsOf(exchange)) output.line(line);
    });
  }

  private showOmitted(count: number): void {
    const { output } = this;
    if (count > 0)
      output.event({ type: 'omitted', count }, () => output.note(`… and ${count} more requests`));
  }

  private addBodies(event: LiveEvent): void {
    const { output, flags, shown } = this;
    const bodies = readEvent(exchangeBodies, event) as ExchangeBodies;
    if (shown.get(bodies.id) !== 'ended') return;
    this.recording?.addBodies(bodies);
    // Those that passed before this began.
    for (const message of bodies.messages ?? []) this.addMessage(message);
    this.seen.delete(bodies.id);
    if (this.isOver && bodies.id === this.last) this.done();
    if (output.isBehind) return;
    if (flags.bodies !== true) return;
    const { messages: _shown, ...withoutMessages } = bodies;
    output.event({ type: 'bodies', ...withoutMessages }, () => {
      if (flags.verbose === true) for (const line of bodyLines(bodies)) output.line(line);
    });
  }

  private addMessage(message: ExchangeMessage): void {
    const { output, flags, shown, seen } = this;
    const { exchangeId, seq } = message;
    if (flags.messages !== true || !shown.has(exchangeId) || seq <= (seen.get(exchangeId) ?? -1)) return;
    seen.set(exchangeId, seq);
    this.recording?.addMessage(message);
    if (output.isBehind) {
      this.unreadMessages++;
      return;
    }
    this.showOmittedMessages(this.unreadMessages);
    this.unreadMessages = 0;
    output.event({ type: 'message', ...message }, () => {
      for (const line of messageLines(message, { isVerbose: flags.verbose === true })) output.line(line);
    });
  }

  private showOmittedMessages(count: number): void {
    const { output, flags } = this;
    if (count > 0 && flags.messages === true)
      output.event({ type: 'messages_omitted', count }, () => output.note(`… and ${count} more messages`));
  }

  private remember(id: string, state: Exchange['state']): void {
    this.shown.set(id, state);
    const [oldest] = this.shown.keys();
    if (this.shown.size <= MAX_SHOWN_IDS || oldest === undefined) return;
    this.shown.delete(oldest);
    this.seen.delete(oldest);
  }

  private endSoon(): void {
    this.isOver = true;
    if (this.flags.bodies === true) setTimeout(this.done, WAIT_FOR_BODIES_MS);
    else this.done();
  }
}
