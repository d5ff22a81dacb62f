/**
 * The orderly end of a WebSocket that Culvert ends itself: a close frame in each direction, behind the last whole frame.
 * Made only when a WebSocket ends, so that it may have a timer of its own.
 */
import { randomBytes } from 'node:crypto';
import { ResetCode, type Stream, type StreamHandler } from '@culvert/tunnel';
import type { RelayErrorCode } from '../answers/relay-error.js';
import type { Requester } from './requester.js';
import { closeFrame, WebSocketFrames } from './web-socket-frames.js';

/** How long to wait for the end of frames that are under way, in milliseconds. */
const FRAME_MS = 250;
/** How long the service may take to close its side after the close frame, in milliseconds. */
const SERVICE_MS = 750;

/** Both directions of a WebSocket. */
export class WebSocketDirections {
  readonly fromVisitor = new WebSocketFrames();
  readonly fromService = new WebSocketFrames();
}

/** A close code of RFC 6455 §7.4 and its reason, in ASCII. */
export interface CloseStatus {
  readonly code: number;
  readonly reason: string;
}

const GOING_AWAY: CloseStatus = { code: 1001, reason: 'going away' };
const ACCESS_ENDED: CloseStatus = { code: 1008, reason: 'access has ended' };

/** Close statuses that visitors get, where they are not `GOING_AWAY`. The same list as docs/relay.md. */
const STATUSES: Partial<Record<RelayErrorCode, CloseStatus>> = {
  tunnel_lost: { code: 1001, reason: 'the traffic manager is gone' },
  response_timeout: { code: 1001, reason: 'silent for too long' },
  access_denied: ACCESS_ENDED,
  cross_site_request: ACCESS_ENDED,
  unknown_host: { code: 1008, reason: 'the preview was removed' },
  preview_expired: { code: 1008, reason: 'the preview has expired' },
  internal_error: { code: 1011, reason: 'internal error' },
  shutting_down: { code: 1012, reason: 'service restart' },
};

/** Returns the close status that a visitor gets when Culvert ends its WebSocket with this error. */
export function closeStatusOf(code: RelayErrorCode): CloseStatus {
  return STATUSES[code] ?? GOING_AWAY;
}

/** What an ending needs of the exchange that it follows. */
export interface EndedWebSocket {
  readonly directions: WebSocketDirections;
  readonly requester: Requester;
  readonly stream: Stream;
  /** Whether the service has closed its side, which the visitor knows. */
  readonly hasServiceEnded: boolean;
  /** Whether the visitor has closed its side. */
  readonly hasVisitorEnded: boolean;
  /** The visitor takes no more for now; `stream.resume` follows when it does. */
  pause(): void;
}

/** Keeps the relay from stopping while endings are under way. */
export interface EndingHost {
  addEnding(ending: WebSocketEnding): void;
  forgetEnding(ending: WebSocketEnding): void;
}

/** One WebSocket on its way to its end, which takes a second at most. The exchange is over by then. */
export class WebSocketEnding implements StreamHandler {
  /** Whether the last byte was sent in each direction. */
  private isVisitorDone: boolean;
  private isServiceDone: boolean;
  private hasServiceEnded: boolean;
  /** Whether the requester has been let go. */
  private isRequesterDone = false;
  private timer: NodeJS.Timeout | null = null;

  constructor(
    private readonly webSocket: EndedWebSocket,
    private readonly status: CloseStatus,
    private readonly host: EndingHost,
  ) {
    this.isVisitorDone = webSocket.hasServiceEnded;
    this.isServiceDone = webSocket.hasVisitorEnded || !webSocket.stream.isOpen;
    this.hasServiceEnded = webSocket.hasServiceEnded || !webSocket.stream.isOpen;
  }

  /** Takes over the stream, and sends what can be sent at once. */
  begin(): void {
    const { directions, stream } = this.webSocket;
    stream.handler = this;
    this.host.addEnding(this);
    this.timer = setTimeout(() => this.giveUp(), FRAME_MS);
    if (!this.isVisitorDone && directions.fromService.isBetween) this.closeVisitor();
    if (!this.isServiceDone && directions.fromVisitor.isBetween) this.closeService();
    // A frame of a stream that is gone never ends.
    if (this.hasServiceEnded && !this.isVisitorDone) this.giveUp();
    else this.advance();
  }

  /** Ends everything at once. */
  destroy(): void {
    this.giveUp();
    this.finish();
  }

  /** Bytes from the visitor, of which the rest of the current frame still goes to the service. */
  pushToService(chunk: Buffer): void {
    if (this.isServiceDone) return;
    const { directions, requester, stream } = this.webSocket;
    const end = directions.fromVisitor.next(chunk, 0);
    if (!stream.write(chunk.subarray(0, end))) requester.pauseBody();
    if (!directions.fromVisitor.isBetween) return;
    this.closeService();
    this.advance();
  }

  // --- Stream events --------------------------------------------------------------------------------------

  onOpen(): void {}

  onData(chunk: Buffer): void {
    if (this.isVisitorDone) return;
    const { directions, requester } = this.webSocket;
    const end = directions.fromService.next(chunk, 0);
    if (!requester.sendRaw(chunk.subarray(0, end))) this.webSocket.pause();
    if (!directions.fromService.isBetween) return;
    this.closeVisitor();
    this.advance();
  }

  onDrain(): void {
    if (!this.isRequesterDone) this.webSocket.requester.resumeBody();
  }

  onEnd(): void {
    this.hasServiceEnded = true;
    if (this.isVisitorDone) this.advance();
    else this.giveUp();
  }

  onReset(): void {
    this.isServiceDone = true;
    this.onEnd();
  }

  // --- Ends -----------------------------------------------------------------------------------------------

  private closeVisitor(): void {
    const { directions, requester } = this.webSocket;
    const { code, reason } = this.status;
    this.isVisitorDone = true;
    if (!directions.fromService.hasClose) requester.sendRaw(closeFrame(code, reason, null));
    requester.endRaw();
  }

  private closeService(): void {
    const { directions, stream } = this.webSocket;
    this.isServiceDone = true;
    if (!directions.fromVisitor.hasClose)
      stream.write(closeFrame(GOING_AWAY.code, GOING_AWAY.reason, randomBytes(4)));
    stream.end();
  }

  private advance(): void {
    if (!this.isVisitorDone || !this.isServiceDone || this.timer === null) return;
    this.releaseRequester();
    if (this.hasServiceEnded) {
      this.finish();
      return;
    }
    // What the service still sends is dropped. A reset could overtake the close frame.
    this.webSocket.stream.resume();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.giveUp(), SERVICE_MS);
  }

  private releaseRequester(): void {
    if (this.isRequesterDone) return;
    this.isRequesterDone = true;
    this.webSocket.requester.finishRaw();
  }

  /** Cuts what has not ended by itself. */
  private giveUp(): void {
    if (this.timer === null) return;
    const { requester, stream } = this.webSocket;
    if (this.isVisitorDone) {
      this.releaseRequester();
    } else {
      this.isVisitorDone = true;
      this.isRequesterDone = true;
      requester.abort();
    }
    stream.reset(ResetCode.CANCEL);
    this.finish();
  }

  private finish(): void {
    if (this.timer === null) return;
    clearTimeout(this.timer);
    this.timer = null;
    this.host.forgetEnding(this);
  }
}
