import type { ServerResponse } from 'node:http';
import { factsOf, type RequestFacts } from '../request-facts.js';
import { EventStream, type EventStreamOptions } from './event-stream.js';

/** A client that requests a stream of events. */
export interface StreamReader {
  readonly facts: RequestFacts;
  /** Id of the last event that the client received, if it reconnects. */
  readonly lastEventId: string | undefined;
  /** Sends the head of the stream. Called once the client is allowed to have it. */
  readonly begin: (options: EventStreamOptions) => EventStream;
}

/** Returns the client that sent a request. */
export function readerOf(request: Parameters<typeof factsOf>[0], response: ServerResponse): StreamReader {
  const { 'last-event-id': lastEventId } = request.headers;
  return {
    facts: factsOf(request),
    lastEventId: typeof lastEventId === 'string' ? lastEventId : undefined,
    begin: (options) => new EventStream(response, options),
  };
}
