import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

export interface SteadyLoad {
  readonly port: number;
  /** The Host field. */
  readonly host: string;
  /** Requests per second. */
  readonly rate: number;
  readonly seconds: number;
  /** Keep-alive connections, each with one request at a time. */
  readonly connections: number;
}

const TICK_MS = 1;
const DRAIN_TIMEOUT_MS = 10_000;

/**
 * Sends requests at a fixed rate regardless of responses, and returns their latencies in milliseconds, sorted. A request
 * that finds every connection busy waits, and its wait counts: a server that stalls pays for all the requests it held up.
 */
export async function measureAtRate(load: SteadyLoad): Promise<number[]> {
  const lane = new Lane();
  const clients = await Promise.all(
    Array.from({ length: load.connections }, () => Connection.open(load, lane)),
  );
  try {
    await lane.drive(clients, load);
  } finally {
    for (const client of clients) client.close();
  }
  return lane.latencies.toSorted((a, b) => a - b);
}

/** The due requests and the free connections. */
class Lane {
  readonly latencies: number[] = [];
  private readonly free: Connection[] = [];
  private readonly waiting: number[] = [];
  private sent = 0;
  private finish: (() => void) | null = null;
  private fail: ((error: Error) => void) | null = null;

  async drive(clients: readonly Connection[], { rate, seconds }: SteadyLoad): Promise<void> {
    this.free.push(...clients);
    const total = Math.floor(rate * seconds);
    const started = performance.now();
    let timer: NodeJS.Timeout | undefined;
    let deadline: NodeJS.Timeout | undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        this.finish = () => this.latencies.length === total && resolve();
        this.fail = reject;
        timer = setInterval(() => {
          const due = Math.min(total, Math.floor(((performance.now() - started) / 1000) * rate));
          for (; this.sent < due; this.sent += 1) this.send(performance.now());
        }, TICK_MS);
        const late = () =>
          reject(new Error(`${total - this.latencies.length} of ${total} requests unanswered`));
        deadline = setTimeout(late, seconds * 1000 + DRAIN_TIMEOUT_MS);
      });
    } finally {
      clearInterval(timer);
      clearTimeout(deadline);
    }
  }

  answered(connection: Connection, latency: number): void {
    this.latencies.push(latency);
    const due = this.waiting.shift();
    if (due === undefined) this.free.push(connection);
    else connection.send(due);
    this.finish?.();
  }

  broken(error: Error): void {
    this.fail?.(error);
  }

  private send(due: number): void {
    const connection = this.free.pop();
    if (connection) connection.send(due);
    else this.waiting.push(due);
  }
}

class Connection {
  private due = 0;
  private received = '';

  private constructor(
    private readonly socket: Socket,
    private readonly head: string,
    private readonly lane: Lane,
  ) {
    socket.setNoDelay(true);
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => this.receive(text));
    socket.on('error', (error) => lane.broken(error));
    socket.on('end', () => lane.broken(new Error('the server closed a connection')));
  }

  static async open({ port, host }: SteadyLoad, lane: Lane): Promise<Connection> {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    return new Connection(socket, `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`, lane);
  }

  send(due: number): void {
    this.due = due;
    this.socket.write(this.head, 'latin1');
  }

  close(): void {
    this.socket.destroy();
  }

  private receive(text: string): void {
    this.received += text;
    const headEnd = this.received.indexOf('\r\n\r\n');
    if (headEnd < 0) return;
    const match = /^HTTP\/1\.1 200 [^]*?\r\ncontent-length: (\d+)\r\n/i.exec(this.received);
    if (!match) {
      this.lane.broken(new Error(`unexpected answer: ${this.received.slice(0, headEnd)}`));
      return;
    }
    if (this.received.length < headEnd + 4 + Number(match[1])) return;
    this.received = '';
    this.lane.answered(this, performance.now() - this.due);
  }
}
