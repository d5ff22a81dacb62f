/** A stream of exchanges, of Culvert or of `culvert` on this machine. */
import type { Schemas } from './client.js';

export type Exchange = Schemas['Exchange'];
export type ExchangeBodies = Schemas['ExchangeBodies'];
export type ExchangeMessage = Schemas['ExchangeMessage'];
export type CapturedBody = NonNullable<ExchangeBodies['request']>;
export type HeaderField = Exchange['request']['fields'][number];

export type Replay = Schemas['Replay'];
export type ReplayRequest = Schemas['CreateReplay'];

/** Reason why a stream ended, from the event `end`. */
export type StreamEndReason = Schemas['StreamEnd']['reason'];

export interface ExchangeListener {
  readonly onExchange: (exchange: Exchange) => void;
  readonly onBodies: (bodies: ExchangeBodies) => void;
  /** Called for each message of a WebSocket, a gRPC call or a stream of events while bodies are captured. */
  readonly onMessage: (message: ExchangeMessage) => void;
  /** Called with the number of messages that were left out because there were too many at once. */
  readonly onMessagesOmitted: (count: number) => void;
  /** Called with the number of exchanges that were left out because there were too many at once. */
  readonly onOmitted: (count: number) => void;
  readonly onState: (state: 'open' | 'interrupted' | StreamEndReason) => void;
}

/** Where the inspector gets exchanges: Culvert, or `culvert` on this machine. */
export interface ExchangeSource {
  /** Watches until the returned function is called. */
  readonly watch: (options: { captureBodies: boolean }, listener: ExchangeListener) => () => void;
  readonly replay: (request: ReplayRequest) => Promise<Replay>;
  /**
   * Whether this is `culvert` on this machine: it captures bodies while its page is open, and does not know who was let
   * in.
   */
  readonly isLocal: boolean;
}

const PAUSE_MS = 2000;
/** Reasons after which connecting again does not help. */
const FINAL: ReadonlySet<string> = new Set(['access_ended', 'gone']);

/** Watches a stream until the returned function is called. Reconnects when it breaks off. */
export function watchExchanges(url: string, listener: ExchangeListener): () => void {
  let source: EventSource | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isOver = false;

  const open = (): void => {
    const stream = new EventSource(url);
    source = stream;
    const on = (name: string, handle: (data: never) => void): void =>
      stream.addEventListener(name, ({ data }: MessageEvent<string>) => handle(JSON.parse(data) as never));
    // From now on nothing is missed. The connection itself was open before.
    on('ready', () => listener.onState('open'));
    on('exchange', listener.onExchange);
    on('bodies', listener.onBodies);
    on('message', listener.onMessage);
    on('messages_omitted', ({ count }: { count: number }) => listener.onMessagesOmitted(count));
    on('omitted', ({ count }: { count: number }) => listener.onOmitted(count));
    on('end', ({ reason }: { reason: StreamEndReason }) => {
      isOver = FINAL.has(reason);
      listener.onState(reason);
      if (isOver) stream.close();
    });
    stream.addEventListener('error', () => {
      if (isOver) return;
      listener.onState('interrupted');
      // Refused: browsers reconnect by themselves only after a broken connection.
      if (stream.readyState === EventSource.CLOSED) timer = setTimeout(open, PAUSE_MS);
    });
  };

  open();
  return () => {
    isOver = true;
    clearTimeout(timer);
    source?.close();
  };
}
