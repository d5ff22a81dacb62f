/**
 * Reads the heads of a connection's requests, and makes those that are sent on. Most requests of a connection name the
 * same host and many are the same bytes: the results are cached.
 */
import { HeadReader, parseRequestHead, type RequestHead } from '@culvert/http1';
import { requestHeadText } from '../routing/header-rules.js';
import { hostnameOf } from '../routing/hostname.js';
import { RepeatedHead } from '../routing/repeated-head.js';
import { REQUEST_ID_LENGTH, withRequestId } from '../request-id.js';
import type { Route } from '../routing/route.js';
import { ForwardedFields } from './forwarded.js';
import type { ConnectionHost } from './host.js';

export class RequestHeads {
  /** The offset after the bytes that `read` used. */
  next = 0;
  private readonly reader: HeadReader;
  private readonly forwarded: ForwardedFields;
  private readonly repeated = new RepeatedHead<RequestHead>();
  /** The route for which `repeated.outgoing` was made. */
  private repeatedRoute: Route | null = null;
  /** Host of the last request, and its name without a port. */
  private host: string | null = null;
  private hostname = '';

  /** @param peer address of the connection's other end */
  constructor(
    private readonly relay: Pick<ConnectionHost, 'clock' | 'limits' | 'trustedProxies'>,
    peer: string,
    isSecure: boolean,
  ) {
    this.reader = new HeadReader(relay.limits.head);
    this.forwarded = new ForwardedFields(peer, isSecure, relay.trustedProxies);
  }

  /** The bytes of a head whose end is not here yet; null for none. */
  get held(): Buffer | null {
    return this.reader.isPartial ? this.reader.buffer : null;
  }

  /**
   * Returns the head whose bytes end in `chunk[offset..)`, or null when all of them were taken and more are needed.
   * Throws `HttpSyntaxError`.
   */
  read(chunk: Buffer, offset: number): RequestHead | null {
    const { reader, repeated, relay } = this;
    const known = reader.isPartial ? null : repeated.find(chunk, offset, '');
    if (known !== null) {
      reader.reset();
      this.next = offset + repeated.length;
      return known;
    }
    this.next = reader.push(chunk, offset);
    if (this.next < 0) {
      this.next = chunk.length;
      return null;
    }
    const { buffer } = reader;
    const request = parseRequestHead(buffer, reader.start, reader.end, relay.limits.head);
    if (request.upgrade === '') repeated.learn(request, buffer, reader, '', relay.clock.now);
    reader.reset();
    return request;
  }

  /** Frees the memory of what is kept for heads that are repeated. */
  forget(): void {
    if (this.repeated.head !== null) this.repeated.forget();
  }

  /** Returns the lower-case name, without its port, of the host that `request` names. */
  hostnameOf({ host }: RequestHead): string {
    if (this.host !== host) {
      this.host = host;
      this.hostname = hostnameOf(host);
    }
    return this.hostname;
  }

  /** Returns the id of a request: that of a trusted proxy, or a new one. */
  requestIdOf(request: RequestHead): string {
    return this.forwarded.requestIdOf(request);
  }

  /** Returns the head to send on for the last request of `hostnameOf`. @param requestId '': it has none */
  outgoing(request: RequestHead, route: Route, requestId: string): Buffer {
    const { repeated } = this;
    if (request !== repeated.head) return this.encode(request, route, requestId);
    if (repeated.outgoing === null || this.repeatedRoute !== route) {
      repeated.outgoing = this.encode(request, route, requestId);
      this.repeatedRoute = route;
    }
    // A proxy's id of another length is part of the bytes that are repeated.
    return requestId.length === REQUEST_ID_LENGTH
      ? withRequestId(repeated.outgoing, requestId)
      : repeated.outgoing;
  }

  private encode(request: RequestHead, route: Route, requestId: string): Buffer {
    return Buffer.from(
      requestHeadText(request, route, this.forwarded.linesOf(request, route.forwards), requestId),
      'latin1',
    );
  }
}
