import http from 'node:http';
import https from 'node:https';

export interface ReadEvent {
  readonly name: string;
  readonly id: string | undefined;
  /** Parsed data. */
  readonly data: unknown;
}

/** Reads a stream of server-sent events like a program. */
export class EventReader {
  /** Events that arrived and were not returned yet. */
  readonly pending: ReadEvent[] = [];
  lastId: string | undefined;
  private text = '';
  private waiting: {
    readonly isMeant: (event: ReadEvent) => boolean;
    readonly resolve: (event: ReadEvent) => void;
  }[] = [];

  private constructor(
    private readonly response: http.IncomingMessage,
    /** Resolves when the stream is over, however it ended. */
    readonly closed: Promise<void>,
  ) {
    response.setEncoding('utf8').on('data', (text: string) => this.push(text));
  }

  /**
   * Resolves with the head of the response, whatever its status.
   * @param ca certificate to trust; undefined: the URL is not https
   */
  static open(url: string, headers: http.OutgoingHttpHeaders, ca?: string): Promise<EventReader> {
    return new Promise((resolve, reject) => {
      const get = ca === undefined ? http.get : https.get;
      get(url, { headers, agent: false, ca }, (response) => {
        const closed = new Promise<void>((done) => response.on('close', done).on('error', () => {}));
        resolve(new EventReader(response, closed));
      }).on('error', reject);
    });
  }

  get status(): number {
    return this.response.statusCode ?? 0;
  }

  get headers(): http.IncomingHttpHeaders {
    return this.response.headers;
  }

  /** Returns the first matching event, and removes it and those before it. */
  next(name: string, isMeant: (data: never) => boolean = () => true): Promise<ReadEvent> {
    const matches = (event: ReadEvent) => event.name === name && isMeant(event.data as never);
    const i = this.pending.findIndex(matches);
    if (i >= 0) return Promise.resolve(this.pending.splice(0, i + 1)[i]);
    return new Promise((resolve) => this.waiting.push({ isMeant: matches, resolve }));
  }

  pause(): void {
    this.response.pause();
  }

  resume(): void {
    this.response.resume();
  }

  close(): void {
    this.response.destroy();
  }

  private push(text: string): void {
    this.text += text;
    for (let end = this.text.indexOf('\n\n'); end >= 0; end = this.text.indexOf('\n\n')) {
      this.handleBlock(this.text.slice(0, end).split('\n'));
      this.text = this.text.slice(end + 2);
    }
  }

  private handleBlock(lines: readonly string[]): void {
    const field = (name: string) =>
      lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
    const data = field('data');
    if (data === undefined) return;
    const event = { name: field('event') ?? 'message', id: field('id'), data: JSON.parse(data) as unknown };
    this.lastId = event.id ?? this.lastId;
    this.pending.push(event);
    const waiter = this.waiting.find(({ isMeant }) => isMeant(event));
    if (waiter === undefined) return;
    this.waiting = this.waiting.filter((each) => each !== waiter);
    this.pending.length = 0;
    waiter.resolve(event);
  }
}
