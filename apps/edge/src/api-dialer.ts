/** Connections to API processes, of which any may be starting or stopping. */
import net from 'node:net';
import { type Dialed, type Dialer, SocketStream } from '@culvert/relay';
import { ResetCode, type Stream, type StreamHandler } from '@culvert/tunnel';

/** How long one address may take to accept a connection, in milliseconds. */
const CONNECT_MS = 2000;
/** How long requests wait for an API process while none accepts connections, in milliseconds. */
const PATIENCE_MS = 5000;
/** Time between two rounds over all addresses, in milliseconds. */
const ROUND_MS = 100;
/** Time without an attempt after which a failure no longer belongs to an earlier one, in milliseconds. */
const SAME_FAILURE_MS = 5 * ROUND_MS;
/** Bytes of a request that may be written before it has a connection. */
const MAX_HELD_BYTES = 65_536;

/** Where an API process listens. */
export interface ApiAddress {
  readonly host: string;
  readonly port: number;
}

/** Returns the addresses in the value of `API_UPSTREAM_URL`. */
export function apiAddresses(urls: readonly string[]): readonly ApiAddress[] {
  return urls.map((text) => {
    const { hostname, port } = new URL(text);
    return { host: hostname.replace(/^\[(.*)\]$/, '$1'), port: Number(port || 80) };
  });
}

let nextId = 1;

/**
 * Spreads connections over the addresses of the API, and goes to the next address when one does not accept a connection.
 * Nothing of a request has left by then, so this is safe for every request. While no address accepts connections, requests
 * wait for up to five seconds, counted from the first that failed: an API process that restarts fails none. The count
 * starts anew after a connection, and after half a second in which no request tried.
 */
export class ApiDialer implements Dialer {
  private readonly origin = {};
  private requests = 0;
  /** When a whole round first failed, since the last connection; null while connections succeed. */
  private failingSince: number | null = null;
  private lastFailedAt = 0;

  /** @param addresses at least one; a name may stand for several addresses, which Node tries in turn */
  constructor(
    private readonly addresses: readonly ApiAddress[],
    private readonly patienceMs = PATIENCE_MS,
  ) {}

  dial(handler: StreamHandler): Dialed {
    return { stream: new ApiStream(this, handler), origin: this.origin };
  }

  isPreferred(): boolean {
    return true;
  }

  onArrival(): () => void {
    return () => {};
  }

  // --- For streams ----------------------------------------------------------------------------------------

  get addressCount(): number {
    return this.addresses.length;
  }

  /** Returns the number of the address with which another request begins. */
  takeStart(): number {
    return this.requests++ % this.addresses.length;
  }

  /** Begins a connection to an address. Numbers past the last one begin again at the first. */
  connect(number: number): net.Socket {
    const address = this.addresses[number % this.addresses.length];
    return net.connect({ ...address, noDelay: true });
  }

  noteConnected(): void {
    this.failingSince = null;
  }

  /**
   * No address has accepted a connection. Returns whether another round is worth its time.
   * @param startedAt when the round began
   */
  noteFailedRound(startedAt: number): boolean {
    const now = performance.now();
    // Without attempts in between, the addresses may have worked and failed again.
    if (this.failingSince === null || startedAt - this.lastFailedAt > SAME_FAILURE_MS) {
      this.failingSince = now;
    }
    this.lastFailedAt = now;
    return now - this.failingSince < this.patienceMs;
  }
}

/** A stream to an API process. It holds what is written until one of them has accepted the connection. */
class ApiStream implements Stream {
  readonly id = nextId++;
  /** Null until there is a connection. */
  private connected: SocketStream | null = null;
  private socket: net.Socket | null = null;
  private timer: NodeJS.Timeout | null = null;
  /** Number of the first address. Each stream walks on from its own, so that a round visits every address. */
  private readonly start: number;
  private attempts = 0;
  private roundStartedAt = 0;
  private held: Buffer[] = [];
  private heldBytes = 0;
  private isDrainAwaited = false;
  private isEndHeld = false;
  private isPaused = false;
  private isReset = false;

  constructor(
    private readonly dialer: ApiDialer,
    private ownHandler: StreamHandler,
  ) {
    this.start = dialer.takeStart();
    this.connect();
  }

  get handler(): StreamHandler {
    return this.connected?.handler ?? this.ownHandler;
  }

  set handler(handler: StreamHandler) {
    if (this.connected === null) this.ownHandler = handler;
    else this.connected.handler = handler;
  }

  get isOpen(): boolean {
    return this.connected?.isOpen ?? !this.isReset;
  }

  write(chunk: Buffer): boolean {
    if (this.connected !== null) return this.connected.write(chunk);
    if (this.isReset || this.isEndHeld) return true;
    this.held.push(chunk);
    this.heldBytes += chunk.length;
    this.isDrainAwaited ||= this.heldBytes >= MAX_HELD_BYTES;
    return !this.isDrainAwaited;
  }

  end(): void {
    if (this.connected === null) this.isEndHeld = true;
    else this.connected.end();
  }

  reset(): void {
    if (this.connected !== null) {
      this.connected.reset();
      return;
    }
    this.isReset = true;
    this.drop();
    this.socket?.destroy();
  }

  pause(): void {
    this.isPaused = true;
    this.connected?.pause();
  }

  resume(): void {
    this.isPaused = false;
    this.connected?.resume();
  }

  private connect(): void {
    this.timer = null;
    if (this.attempts % this.dialer.addressCount === 0) this.roundStartedAt = performance.now();
    const socket = this.dialer.connect(this.start + this.attempts++);
    this.socket = socket;
    let failure: NodeJS.ErrnoException = Object.assign(new Error('no answer in time'), { code: 'ETIMEDOUT' });
    const handleError = (error: NodeJS.ErrnoException): void => void (failure = error);
    const handleClose = (): void => this.handleFailure(failure);
    socket.setTimeout(CONNECT_MS, () => socket.destroy());
    socket.once('error', handleError);
    socket.once('close', handleClose);
    socket.once('connect', () => {
      socket.setTimeout(0);
      socket.removeAllListeners('timeout');
      socket.off('error', handleError);
      socket.off('close', handleClose);
      this.handleConnection(socket);
    });
  }

  private handleConnection(socket: net.Socket): void {
    this.dialer.noteConnected();
    const connected = new SocketStream(socket, this.ownHandler);
    this.connected = connected;
    const { held } = this;
    this.held = [];
    let hasRoom = true;
    for (const chunk of held) hasRoom = connected.write(chunk);
    if (this.isEndHeld) connected.end();
    if (this.isPaused) connected.pause();
    if (this.isDrainAwaited && hasRoom) connected.handler.onDrain();
  }

  private handleFailure(failure: NodeJS.ErrnoException): void {
    if (this.isReset) return;
    if (this.attempts % this.dialer.addressCount !== 0) {
      this.connect();
    } else if (this.dialer.noteFailedRound(this.roundStartedAt)) {
      this.timer = setTimeout(() => this.connect(), ROUND_MS);
    } else {
      this.isReset = true;
      this.drop();
      this.ownHandler.onReset(codeOf(failure), `no API process accepts connections: ${failure.message}`);
    }
  }

  private drop(): void {
    this.held = [];
    if (this.timer !== null) clearTimeout(this.timer);
  }
}

function codeOf({ code }: NodeJS.ErrnoException): ResetCode {
  switch (code) {
    case 'ECONNREFUSED':
      return ResetCode.INGRESS_REFUSED;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return ResetCode.INGRESS_DNS;
    case 'ETIMEDOUT':
      return ResetCode.INGRESS_TIMEOUT;
    default:
      return ResetCode.INGRESS_UNREACHABLE;
  }
}
