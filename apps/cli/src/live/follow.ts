/** Streams of server-sent events, kept open until the command ends. */
import { read, ReadError } from '@culvert/api-client';
import { Backoff } from '@culvert/outbound';
import { streamEnd, type ExchangesQuery } from '@culvert/contract';
import { createParser } from 'eventsource-parser';
import { setTimeout as delay } from 'node:timers/promises';
import type { z } from 'zod';
import type { Api } from '../api.js';
import { asCliError, CliError } from '../cli-error.js';
import { EXIT } from '../exit-code.js';

/** Culvert sends something every 15 seconds. */
const IDLE_MS = 45_000;
/** Limit of one event. The largest has two bodies of 64 KiB in base64. */
const MAX_EVENT_BYTES = 4 * 1024 * 1024;

/** What to follow. */
export type Stream =
  | { readonly of: 'changes' }
  | {
      readonly of: 'exchanges';
      readonly previewId: string;
      readonly captureBodies: ExchangesQuery['captureBodies'];
    };

export interface LiveEvent {
  readonly name: string;
  /** Parsed JSON, not yet checked: see `readEvent`. */
  readonly data: unknown;
}

export interface FollowOptions {
  readonly api: Api;
  readonly signal: AbortSignal;
  /**
   * Receives every event but `end`, and a `reset` after each further `ready`, because events may have been missed meanwhile.
   * What it throws ends the stream.
   */
  readonly onEvent: (event: LiveEvent) => void;
  /** Receives notes for people: that the connection was lost, and that it is back. */
  readonly note: (text: string) => void;
}

/**
 * Follows a stream and connects again after interruptions. Never resolves; rejects with a CliError when that is of no use, and with
 * the reason of the signal.
 */
export async function follow(stream: Stream, options: FollowOptions): Promise<never> {
  const { signal, note, onEvent } = options;
  const backoff = new Backoff();
  let wasReady = false;
  let isLost = false;
  for (;;) {
    try {
      await connect(stream, {
        ...options,
        onEvent: (event) => {
          onEvent(event);
          if (event.name !== 'ready') return;
          if (isLost) note('Reconnected.');
          if (wasReady) onEvent({ name: 'reset', data: null });
          isLost = false;
          wasReady = true;
          backoff.reset();
        },
      });
    } catch (error) {
      signal.throwIfAborted();
      const failure = asCliError(error);
      if (!wasReady || !isTemporary(failure)) throw failure;
      if (!isLost) note(`Lost the connection to Culvert (${failure.message}). Reconnecting …`);
      isLost = true;
    }
    await delay(backoff.next(), undefined, { signal }).catch(() => signal.throwIfAborted());
  }
}

/** Reads the data of an event by the contract. @throws CliError if it is not what Culvert sends */
export function readEvent<Schema extends z.ZodType>(schema: Schema, { name, data }: LiveEvent) {
  try {
    return read(schema, data);
  } catch (cause) {
    if (!(cause instanceof ReadError)) throw cause;
    throw notLikeCulvert(`the event "${name}": ${cause.message}`, cause);
  }
}

/** Resolves when the server ends the stream and the client should connect again. */
async function connect(stream: Stream, { api, signal, onEvent }: FollowOptions): Promise<void> {
  const decoder = new TextDecoder();
  let waiting = 0;
  const parser = createParser({
    onEvent: ({ event: name = 'message', data }) => {
      waiting = 0;
      const event = { name, data: parse(data) };
      if (name === 'end') checkEnd(event);
      else onEvent(event);
    },
  });
  const onData = (part: Uint8Array): void => {
    waiting += part.length;
    if (waiting > MAX_EVENT_BYTES) throw notLikeCulvert(`an event has more than ${MAX_EVENT_BYTES} bytes`);
    parser.feed(decoder.decode(part, { stream: true }));
  };
  const given = { onData, signal, idleMs: IDLE_MS };
  if (stream.of === 'changes') return api.stream('watchChanges', {}, given);
  const { previewId, captureBodies } = stream;
  const query = { captureBodies: captureBodies ? 'true' : 'false' } as const;
  return api.stream('watchExchanges', { previewId, query }, given);
}

function checkEnd(event: LiveEvent): void {
  const { reason } = readEvent(streamEnd, event);
  if (reason === 'access_ended') {
    throw new CliError(EXIT.notSignedIn, 'Culvert no longer accepts the credential', {
      hint: 'Run "culvert login", or use another API key.',
    });
  }
  if (reason === 'gone') throw new CliError(EXIT.notFound, 'what you watch was removed');
}

/** Reports whether trying again may help. */
export function isTemporary({ exitCode }: CliError): boolean {
  return exitCode === EXIT.unreachable || exitCode === EXIT.failure || exitCode === EXIT.conflict;
}

function parse(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch (cause) {
    throw notLikeCulvert('an event is not JSON', cause);
  }
}

function notLikeCulvert(what: string, cause?: unknown): CliError {
  return new CliError(EXIT.unreachable, `Culvert does not answer as expected: ${what}`, { cause });
}
