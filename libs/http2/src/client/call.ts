import type { EndpointOwner, PeerStream } from '../connection/endpoint.js';
import type { FieldSection } from './response-fields.js';

/** The owner of a client's connection: has the transport and the clock, and makes the requests. */
export interface ClientOwner extends EndpointOwner {
  /** SETTINGS of the peer were applied. The first ones show that it speaks HTTP/2. */
  onSettings(): void;
  /** GOAWAY came: streams that the peer did not process are refused next, then `onGoAway` follows. @param code any value */
  onGoingAway?(code: number): void;
  /** The peer no longer takes streams. Those that it did not process are refused already. @param code of any value */
  onGoAway(code: number): void;
}

/** A client's stream as its connection uses it. */
export interface ClientCall extends PeerStream {
  /** A DATA frame of `length` bytes begins, padding included. An invalid frame closes the stream. */
  handleFlow(length: number): void;
  /** Bytes `buffer[from..to)` of the frame's data arrived. They stay as they are. */
  handleData(buffer: Buffer, from: number, to: number): void;
  /** The DATA frame ended. @param overhead bytes of it that were not data */
  handleDataEnd(overhead: number, isLast: boolean): void;
  /** A field block came: a head or trailers. */
  handleFields(section: FieldSection, isLast: boolean): void;
  /** The peer did not process the stream, according to its GOAWAY. */
  handleRefused(): void;
}
