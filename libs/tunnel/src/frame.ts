/** Names and numbers of the wire: docs/protocol.md §2 and §8. */
import { ResetCode } from './types.js';

export const PROTOCOL_VERSION = 1;

/** Type (u8), payload length (u24), stream id (u32). */
export const HEADER_BYTES = 8;

/** A larger payload is split over several DATA frames. */
export const MAX_DATA_BYTES = 65_536;

/** Largest payload of a frame that carries JSON. */
export const MAX_JSON_BYTES = 4096;

/** Largest text of GOAWAY and RESET, in bytes of UTF-8. */
export const MAX_TEXT_BYTES = 512;

export const MAX_STREAM_ID = 0x7fff_ffff;

/** Largest credit of one WINDOW, and largest sum. */
export const MAX_CREDIT = 0x7fff_ffff;

/** The reset codes after this one are local only: docs/protocol.md §7. */
export const LAST_WIRE_RESET_CODE = ResetCode.FLOW_CONTROL;

/** As `LAST_WIRE_RESET_CODE`, on a link between edges: docs/protocol.md §10. */
export const LAST_LINK_RESET_CODE = ResetCode.NO_TUNNEL;

export const FrameType = {
  HELLO: 0x01,
  WELCOME: 0x02,
  PING: 0x03,
  PONG: 0x04,
  GOAWAY: 0x05,
  OPEN: 0x10,
  OPENED: 0x11,
  DATA: 0x12,
  END: 0x13,
  RESET: 0x14,
  WINDOW: 0x15,
} as const;
export type FrameType = (typeof FrameType)[keyof typeof FrameType];

/** Types from here on are extensions, which a receiver skips. */
export const FIRST_EXTENSION_TYPE = 0x80;

/** Why a tunnel ends or is about to. The numbers are wire values. */
export const GoAwayCode = {
  /** The sender is done. */
  NORMAL: 0,
  /** The receiver broke a rule of the protocol. */
  PROTOCOL_ERROR: 1,
  /** A payload above the limit of its frame type. */
  FRAME_TOO_LARGE: 2,
  /** Credit of 0, too much credit, or too many overruns. */
  FLOW_CONTROL: 3,
  /** No protocol version in common. */
  UNSUPPORTED_VERSION: 4,
  /** The key was revoked or has expired. */
  KEY_REVOKED: 5,
  /** A newer tunnel of the same manager took over. */
  SUPERSEDED: 6,
  /** A person ended the session. */
  SESSION_ENDED: 7,
  /** The sender is about to stop; another server will answer. */
  SHUTTING_DOWN: 8,
  /** The peer was silent for too long, or the handshake took too long. */
  TIMEOUT: 9,
  /** A fault of the sender. */
  INTERNAL: 10,
  /** A limit of the sender was exceeded. */
  LIMIT: 11,
  /** The carrier ended without GOAWAY. Local only: never sent. */
  CONNECTION_LOST: 12,
  /** The dialer named this edge among those it has a tunnel to, and it does have one. Nothing was superseded. */
  ALREADY_CONNECTED: 13,
  /** A manager of another cluster is connected under the same manager id. */
  MANAGER_ID_TAKEN: 14,
} as const;
export type GoAwayCode = (typeof GoAwayCode)[keyof typeof GoAwayCode];

/** Time when a dialer tries again after a tunnel ended. */
export type Retry = 'now' | 'soon' | 'slowly' | 'patiently' | 'never';

const RETRY: Record<GoAwayCode, Retry> = {
  [GoAwayCode.NORMAL]: 'soon',
  [GoAwayCode.PROTOCOL_ERROR]: 'soon',
  [GoAwayCode.FRAME_TOO_LARGE]: 'soon',
  [GoAwayCode.FLOW_CONTROL]: 'soon',
  [GoAwayCode.UNSUPPORTED_VERSION]: 'never',
  [GoAwayCode.KEY_REVOKED]: 'slowly',
  [GoAwayCode.SUPERSEDED]: 'slowly',
  [GoAwayCode.SESSION_ENDED]: 'slowly',
  [GoAwayCode.SHUTTING_DOWN]: 'now',
  [GoAwayCode.TIMEOUT]: 'soon',
  [GoAwayCode.INTERNAL]: 'soon',
  [GoAwayCode.LIMIT]: 'slowly',
  [GoAwayCode.CONNECTION_LOST]: 'soon',
  [GoAwayCode.ALREADY_CONNECTED]: 'patiently',
  [GoAwayCode.MANAGER_ID_TAKEN]: 'slowly',
};

export function retryAfter(code: GoAwayCode): Retry {
  return RETRY[code];
}

const FAULTS: ReadonlySet<GoAwayCode> = new Set([
  GoAwayCode.PROTOCOL_ERROR,
  GoAwayCode.FRAME_TOO_LARGE,
  GoAwayCode.FLOW_CONTROL,
  GoAwayCode.TIMEOUT,
  GoAwayCode.INTERNAL,
  GoAwayCode.LIMIT,
  GoAwayCode.CONNECTION_LOST,
  GoAwayCode.MANAGER_ID_TAKEN,
]);

/** Reports whether a tunnel that ends with `code` ends because something went wrong. */
export function isFault(code: GoAwayCode): boolean {
  return FAULTS.has(code);
}

const GOAWAY_NAMES = new Map<number, string>(Object.entries(GoAwayCode).map(([name, code]) => [code, name]));

/** The name of a GOAWAY code, for log lines. */
export function goAwayName(code: GoAwayCode): string {
  return GOAWAY_NAMES.get(code) ?? String(code);
}

/** A code from the wire; INTERNAL when it is not one that may be sent. */
export function toGoAwayCode(value: number): GoAwayCode {
  return value !== GoAwayCode.CONNECTION_LOST && GOAWAY_NAMES.has(value)
    ? (value as GoAwayCode)
    : GoAwayCode.INTERNAL;
}

const FIRST_CLOSE_STATUS = 4000;

/** Returns the WebSocket close status that goes with a GOAWAY code. */
export function toCloseStatus(code: GoAwayCode): number {
  return FIRST_CLOSE_STATUS + code;
}

/** The GOAWAY code behind a WebSocket close status. */
export function fromCloseStatus(status: number): GoAwayCode {
  const code = status - FIRST_CLOSE_STATUS;
  return code !== GoAwayCode.CONNECTION_LOST && GOAWAY_NAMES.has(code)
    ? (code as GoAwayCode)
    : GoAwayCode.CONNECTION_LOST;
}
