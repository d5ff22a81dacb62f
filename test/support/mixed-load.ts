/** What visitors of a busy deployment do at once: requests, uploads, event streams and WebSockets. */
import { createHash, randomBytes } from 'node:crypto';
import http from 'node:http';
import { WebSocket } from 'ws';
import { visit } from './deployment.js';

export interface MixedLoadOptions {
  /** Port of the load balancer. */
  readonly port: number;
  /** Previews of `mixedService`. */
  readonly hostnames: readonly string[];
  /** Requests a second, uploads included. */
  readonly rate: number;
  readonly eventStreams: number;
  readonly webSockets: number;
}

/** A request, event stream or WebSocket that failed. */
export interface LoadFailure {
  /** When it began, on the clock of `performance.now`. */
  readonly startedAt: number;
  readonly what: string;
}

/** One in so many requests is an upload. */
const UPLOAD_EVERY = 10;
const UPLOAD_BYTES = 256 * 1024;

/** Sends requests at a steady rate, whatever becomes of those before, until `stop`. */
export class MixedLoad {
  readonly failures: LoadFailure[] = [];
  requests = 0;
  uploads = 0;
  events = 0;
  /** Number of event streams that ended before the load did. */
  endedStreams = 0;
  /** How often each code ended a WebSocket. */
  readonly closeCodes = new Map<number, number>();
  private readonly agent = new http.Agent({ keepAlive: true, maxSockets: 64 });
  private readonly pending = new Set<Promise<void>>();
  private readonly timer: NodeJS.Timeout;
  private readonly sockets = new Set<WebSocket>();
  private readonly streams = new Set<http.ClientRequest>();
  private sent = 0;
  private isOver = false;

  constructor(private readonly options: MixedLoadOptions) {
    const stepMs = 20;
    const perStep = (options.rate * stepMs) / 1000;
    let due = 0;
    this.timer = setInterval(() => {
      for (due += perStep; due >= 1; due--) this.sendOne();
    }, stepMs);
    for (let i = 0; i < options.eventStreams; i++) this.openEvents(i);
    for (let i = 0; i < options.webSockets; i++) this.openWebSocket(i);
  }

  /** Ends the load, and waits for what is under way. */
  async stop(): Promise<void> {
    this.isOver = true;
    clearInterval(this.timer);
    await Promise.all(this.pending);
    for (const socket of this.sockets) socket.close();
    for (const stream of this.streams) stream.destroy();
    this.agent.destroy();
  }

  private sendOne(): void {
    const number = this.sent++;
    const startedAt = performance.now();
    const work = number % UPLOAD_EVERY === 0 ? this.upload(number) : this.get(number);
    const settled: Promise<void> = work
      .then((wrong) => wrong !== null && this.fail(startedAt, wrong))
      .catch((error: unknown) => this.fail(startedAt, String(error)))
      .then(() => {})
      .finally(() => this.pending.delete(settled));
    this.pending.add(settled);
  }

  /** Returns what was wrong with the answer, or null. */
  private async get(number: number): Promise<string | null> {
    const hostname = this.hostnameOf(number);
    const { status, body } = await visit(this.options.port, hostname, `/page/${number}`, {
      agent: this.agent,
    });
    this.requests++;
    const isRight = status === 200 && String(body) === `page of ${hostname} /page/${number}`;
    return isRight ? null : `${status} ${String(body).slice(0, 200)}`;
  }

  /** Returns what was wrong with the answer, or null. */
  private async upload(number: number): Promise<string | null> {
    const sent = randomBytes(UPLOAD_BYTES);
    const { status, body } = await visit(this.options.port, this.hostnameOf(number), '/upload', {
      method: 'POST',
      body: sent,
      agent: this.agent,
    });
    this.uploads++;
    const expected = createHash('sha256').update(sent).digest('hex');
    return status === 200 && String(body) === expected ? null : `upload: ${status} ${String(body)}`;
  }

  /** Event streams live until their edge stops; then their client connects again, as browsers do. */
  private openEvents(number: number): void {
    if (this.isOver) return;
    const startedAt = performance.now();
    const again = (): void => {
      this.streams.delete(request);
      if (!this.isOver) setTimeout(() => this.openEvents(number), 20);
    };
    const headers = { host: this.hostnameOf(number) };
    const request = http.get(
      { port: this.options.port, path: '/events', headers, agent: false },
      (response) => {
        if (response.statusCode !== 200) this.fail(startedAt, `events: ${response.statusCode}`);
        response.on('data', () => this.events++);
        response.on('error', () => {});
        response.on('close', () => {
          if (!this.isOver) this.endedStreams++;
          again();
        });
      },
    );
    request.on('error', (error) => {
      this.fail(startedAt, `events: ${error.message}`);
      again();
    });
    this.streams.add(request);
  }

  private openWebSocket(number: number): void {
    if (this.isOver) return;
    const startedAt = performance.now();
    const socket = new WebSocket(`ws://127.0.0.1:${this.options.port}/echo`, {
      headers: { host: this.hostnameOf(number) },
    });
    this.sockets.add(socket);
    socket.on('open', () => socket.send('x'));
    socket.on('message', () => setTimeout(() => socket.send('x', () => {}), 50));
    socket.on('error', (error) => this.fail(startedAt, `WebSocket: ${error.message}`));
    socket.on('close', (code) => {
      this.sockets.delete(socket);
      if (this.isOver) return;
      this.closeCodes.set(code, (this.closeCodes.get(code) ?? 0) + 1);
      setTimeout(() => this.openWebSocket(number), 20);
    });
  }

  private hostnameOf(number: number): string {
    const { hostnames } = this.options;
    return hostnames[number % hostnames.length];
  }

  private fail(startedAt: number, what: string): void {
    if (!this.isOver) this.failures.push({ startedAt, what });
  }
}
