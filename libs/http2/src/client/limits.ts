import type { OutputOptions } from '../connection/output.js';

/** Limits of one connection of a client. */
export interface ClientLimits {
  /** Bytes of one response body that may arrive before they are read; INITIAL_WINDOW_SIZE. */
  readonly windowBytes: number;
  /** MAX_HEADER_LIST_SIZE. Larger lists are not kept, and their streams reset. */
  readonly maxListBytes: number;
  /** Fields of one list. */
  readonly maxFields: number;
  /** PING and SETTINGS frames per `RATE_WINDOW_MS`, but for one PING after sent DATA. */
  readonly maxControlFrames: number;
}

/** Options of a client's connection, for peers that need other than the defaults. */
export interface ClientOptions extends OutputOptions {
  /** MAX_FRAME_SIZE; default 16 KiB. DATA is passed on as it arrives, so that large frames cost no memory. */
  readonly maxFrameBytes?: number;
  /** Largest payload of other frames; default `maxFrameBytes`. */
  readonly maxControlBytes?: number;
  /** Bytes of both dynamic tables; default 4096. With 0 no field depends on one before it. */
  readonly tableBytes?: number;
  /** Whether the preface is written on its own, before SETTINGS: for peers that drop bytes behind it. */
  readonly isPrefaceApart?: boolean;
}

/**
 * The connection's window is so large that it never limits: an unread response must not stop the others. The sum of the streams'
 * windows bounds memory.
 */
export const CONNECTION_WINDOW_BYTES = 2 ** 30;

/** Other frames without content that a peer may send for each control frame. */
export const NOISE_PER_CONTROL = 10;

/** Interim (1xx) responses before the final one. */
export const MAX_INTERIM = 32;
