/**
 * The visitor of an HTTP/1.1 connection, as its exchanges see it, one after the other: turns their responses into bytes
 * of the socket. Writes past what the kernel takes wait in `SocketWriter`, which reports when an exchange has to pause.
 */
import type { Socket } from 'node:net';
import {
  Field,
  type Fields,
  Framing,
  HeadReader,
  lastChunk,
  type RequestHead,
  type ResponseHead,
} from '@culvert/http1';
import { MAX_JOINED_BYTES, type SocketWriter } from '@culvert/sockets';
import { errorResponse, isForPage } from '../answers/error-response.js';
import type { OwnAnswer } from '../answers/own-answer.js';
import type { RelayError } from '../answers/relay-error.js';
import { peekWishes } from '../answers/request-faults.js';
import type { Exchange } from '../exchange/exchange.js';
import type { Requester } from '../exchange/requester.js';
import { bodylessLine, responseFieldLines } from '../routing/header-rules.js';
import { REQUEST_ID_LENGTH, requestIdLine, setRequestId, withRequestId } from '../request-id.js';
import type { Route } from '../routing/route.js';
import { switchedTo } from '../routing/upgrade.js';
import type { ConnectionHost } from './host.js';
import type { ReadAhead } from './read-ahead.js';
import type { RequestHeads } from './request-heads.js';

/** The part of a connection that its visitor uses. */
export interface Http1RequesterOwner {
  readonly host: ConnectionHost;
  readonly peer: string;
  readonly socket: Socket;
  readonly writer: SocketWriter;
  readonly heads: RequestHeads;
  readonly ahead: ReadAhead;
  /** The exchange under way. Throws where there is none. */
  readonly exchange: Exchange;
  /** Whether the connection ends with the exchange under way. */
  readonly isLastExchange: boolean;
  /** Whether the visitor has closed its sending side. */
  readonly hasInputEnded: boolean;
  /** Notes that bytes have moved, which restarts time-outs. */
  touch(): void;
  /** The connection cannot carry another exchange after this one. */
  endWithExchange(): void;
  /** From now on the exchange carries raw bytes. */
  upgrade(): void;
  /** The bytes of an upgraded connection are over, in both directions. */
  finishRaw(): void;
  /** The exchange is over, and its response is out. */
  finish(isRequestDone: boolean): void;
  /** The exchange is over, and its response is not complete: makes the visitor notice. */
  abort(): void;
  /** Body bytes are wanted again, those that came too early first. */
  resumeBody(): void;
}

/**
 * How body bytes become the visitor's: `wrapped` ones get chunk framing here, `chunked` ones have it. Those that are `bare`
 * have neither chunks nor a length: they end with the connection.
 */
type BodyCoding = 'as-is' | 'bare' | 'chunked' | 'wrapped';

/** Slices below this size are copied before they wait in the socket. */
const MAX_COPIED_BYTES = 4096;

const CRLF = Buffer.from('\r\n');
const CLOSE_LINE = 'Connection: close\r\n';

export class Http1Requester implements Requester {
  readonly isHttp2 = false;
  readonly responseReader: HeadReader;
  private readonly writer: SocketWriter;
  /** A response head that waits for the first bytes of its body; '' for none. */
  private heldHead: string | Buffer = '';
  /** The id that belongs into a held head which all requests to a route share; '' for other heads. */
  private heldId = '';
  private coding: BodyCoding = 'as-is';

  constructor(private readonly connection: Http1RequesterOwner) {
    this.responseReader = new HeadReader(connection.host.limits.head, 'response');
    this.writer = connection.writer;
  }

  get peer(): string {
    return this.connection.peer;
  }

  requestIdOf(request: RequestHead): string {
    return this.connection.heads.requestIdOf(request);
  }

  outgoingHead(request: RequestHead, route: Route): Buffer {
    return this.connection.heads.outgoing(request, route, this.connection.exchange.record.requestId);
  }

  chunkedOutput(): 'decoded' | 'encoded' {
    return this.connection.exchange.request.minorVersion === 1 ? 'encoded' : 'decoded';
  }

  sendInterim(response: ResponseHead, route: Route): void {
    if (this.connection.exchange.request.minorVersion === 0) return;
    this.write(Buffer.from(`${statusLine(response)}${responseFieldLines(response, route)}\r\n`, 'latin1'));
  }

  sendHead(response: ResponseHead, route: Route): void {
    const { connection } = this;
    const { request, isRequestDone } = connection.exchange;
    const isHttp11 = request.minorVersion === 1;
    // Should the response end before the request does, the rest of the request cannot be distinguished from the next one.
    if (!isRequestDone || connection.host.isLeaving) connection.endWithExchange();
    let framingLine = bodylessLine(response);
    this.coding = 'as-is';
    if (response.framing === Framing.CHUNKED || response.framing === Framing.UNTIL_CLOSE) {
      if (isHttp11) {
        framingLine = 'Transfer-Encoding: chunked\r\n';
        this.coding = response.framing === Framing.CHUNKED ? 'chunked' : 'wrapped';
      } else {
        this.coding = 'bare';
        connection.endWithExchange();
      }
    }
    const isLast = connection.isLastExchange;
    const { requestId } = connection.exchange.record;
    // A service that sends an id of its own means that one.
    const hasId = requestId !== '' && response.find(Field.REQUEST_ID) < 0;
    const idLine = hasId ? requestIdLine(requestId) : '';
    const isPlain = !hasId || requestId.length === REQUEST_ID_LENGTH;
    if (isHttp11 && !isLast && isPlain && response === route.repeated.head) {
      const head = (route.repeated.outgoing ??= Buffer.from(
        `${statusLine(response)}${responseFieldLines(response, route)}${framingLine}${idLine}\r\n`,
        'latin1',
      ));
      this.heldHead = head;
      this.heldId = hasId ? requestId : '';
      return;
    }
    const lines = responseFieldLines(response, route) + framingLine + connectionLine(isLast, request);
    this.heldHead = `${statusLine(response)}${lines}${idLine}\r\n`;
    this.heldId = '';
  }

  sendBody(buffer: Buffer, start: number, end: number): boolean {
    const body = start === 0 && end === buffer.length ? buffer : buffer.subarray(start, end);
    if (this.coding === 'wrapped') return this.sendWrapped(body);
    if (this.heldHead === '') return this.write(body);
    const head = this.heldHead;
    if (head.length + body.length > MAX_JOINED_BYTES) {
      this.writeHeldHead();
      return this.write(body);
    }
    this.heldHead = '';
    // The writer copies it at once.
    if (this.heldId !== '') setRequestId(head as Buffer, this.heldId);
    this.connection.host.counters.bytesOut += head.length + body.length;
    this.connection.touch();
    return this.writer.writeJoined(head, body);
  }

  flush(): void {
    if (this.heldHead !== '') this.writeHeldHead();
  }

  /** Writes the held head by itself. */
  private writeHeldHead(): void {
    const head = this.heldHead;
    this.heldHead = '';
    if (typeof head === 'string') this.write(Buffer.from(head, 'latin1'));
    else this.write(this.heldId === '' ? head : withRequestId(head, this.heldId));
  }

  switchProtocols(response: ResponseHead, route: Route): void {
    this.connection.upgrade();
    const lines = `${responseFieldLines(response, route)}Connection: Upgrade\r\nUpgrade: ${switchedTo(response)}\r\n${this.idLine}\r\n`;
    this.write(Buffer.from(statusLine(response) + lines, 'latin1'));
    if (this.connection.hasInputEnded) this.connection.exchange.endRaw();
  }

  sendRaw(chunk: Buffer): boolean {
    return this.write(chunk);
  }

  endRaw(): void {
    this.connection.socket.end();
  }

  finishRaw(): void {
    this.connection.finishRaw();
  }

  complete(trailers: Fields | null, isRequestDone: boolean): void {
    this.flush();
    if (this.coding === 'chunked' || this.coding === 'wrapped')
      this.write(Buffer.from(lastChunk(trailers), 'latin1'));
    this.connection.finish(isRequestDone);
  }

  sendError(error: RelayError, isRequestDone: boolean): void {
    const { request } = this.connection.exchange;
    const connection = this.connectionLineOf(request, isRequestDone);
    this.answer(errorResponse(error, { request, connection }), isRequestDone);
  }

  sendAnswer(answer: OwnAnswer, isRequestDone: boolean): void {
    const { request } = this.connection.exchange;
    this.answer(answer.toResponse(this.connectionLineOf(request, isRequestDone)), isRequestDone);
  }

  /**
   * Returns the fields Connection and X-Request-Id of an answer in place of the service's. The connection ends with it unless the request is
   * done, and when the relay leaves.
   */
  private connectionLineOf(request: RequestHead, isRequestDone: boolean): string {
    const { connection } = this;
    if (!isRequestDone || connection.host.isLeaving) connection.endWithExchange();
    return connectionLine(connection.isLastExchange, request) + this.idLine;
  }

  private get idLine(): string {
    return requestIdLine(this.connection.exchange.record.requestId);
  }

  private answer(response: Buffer, isRequestDone: boolean): void {
    this.heldHead = '';
    this.write(response);
    this.connection.finish(isRequestDone);
  }

  withdraw(): boolean {
    if (this.heldHead === '') return false;
    this.heldHead = '';
    return true;
  }

  abort(): void {
    this.connection.abort();
  }

  endEarly(): void {
    const { connection } = this;
    // An orderly end would look like that of the body.
    if (this.coding === 'bare') {
      connection.abort();
      return;
    }
    this.flush();
    connection.endWithExchange();
    connection.finish(connection.exchange.isRequestDone);
  }

  pauseBody(): void {
    this.connection.ahead.pause();
  }

  resumeBody(): void {
    this.connection.resumeBody();
  }

  /**
   * Answers bytes that are not a request, after which the connection ends.
   * @param bytes those that arrived: they may show whether a person waits for the answer
   */
  sendRefusal(error: RelayError, bytes: Buffer): void {
    const { accept, destination } = peekWishes(bytes);
    const isPage = accept !== null && isForPage(accept, () => destination);
    this.write(errorResponse(error, { request: null, isPage, connection: CLOSE_LINE }));
  }

  private write(chunk: Buffer): boolean {
    this.connection.host.counters.bytesOut += chunk.length;
    this.connection.touch();
    // Waiting bytes must not pin the whole tunnel message they are a slice of: a visitor that reads events
    // slowly would hold a megabyte for each of them.
    const isPinning = chunk.length < MAX_COPIED_BYTES && this.writer.hasBacklog;
    return this.writer.write(isPinning ? Buffer.from(chunk) : chunk);
  }

  /** Sends a piece of a body as one chunk (RFC 9112 §7.1). */
  private sendWrapped(body: Buffer): boolean {
    const { socket } = this.connection;
    this.flush();
    socket.cork();
    this.write(Buffer.from(`${body.length.toString(16)}\r\n`, 'latin1'));
    this.write(body);
    const hasRoom = this.write(CRLF);
    socket.uncork();
    return hasRoom;
  }
}

function statusLine(response: ResponseHead): string {
  return `HTTP/1.1 ${response.status} ${response.reason}\r\n`;
}

function connectionLine(isLast: boolean, request: RequestHead): string {
  if (isLast) return CLOSE_LINE;
  return request.minorVersion === 0 ? 'Connection: keep-alive\r\n' : '';
}
