import type { MessageKind } from '@culvert/contract';

/** Side that sent a message: `request` is the visitor, `response` the service. */
export type Direction = 'request' | 'response';

/** One message that has passed, as a reader of its protocol found it. */
export interface ObservedMessage {
  readonly direction: Direction;
  readonly kind: MessageKind;
  /** Length of the payload as it was sent, compressed or not. */
  readonly bytes: number;
  readonly isCompressed: boolean;
  /** Close code of a WebSocket, or status of a gRPC call; otherwise null. */
  readonly code: number | null;
  /** The payload, decompressed, or its beginning; null if it cannot be read. */
  readonly content: Buffer | null;
  readonly isTruncated: boolean;
}

/** Receives what a reader finds. */
export interface MessageSink {
  /** A message begins. Returns whether its content may be read; if not, it is only counted. */
  begin(): boolean;
  /** A message whose content was read has ended. */
  add(message: ObservedMessage): void;
  /** A message whose content was not read has ended. @param bytes length of its payload */
  count(direction: Direction, bytes: number): void;
  /** The reader cannot follow the bytes, and ends. @param note reason, for people */
  giveUp(note: string): void;
}

/** Reads along with the bytes of one direction. It never changes or holds them. */
export interface ByteReader {
  push(buffer: Buffer, start: number, end: number): void;
}
