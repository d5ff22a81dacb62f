/** Live exchanges of one preview, and replays of their requests. */
import { answerOf, api, type Schemas } from './client.js';

export type Exchange = Schemas['Exchange'];
export type ExchangeBodies = Schemas['ExchangeBodies'];
export type CapturedBody = NonNullable<ExchangeBodies['request']>;
export type HeaderField = Exchange['request']['fields'][number];

export type Replay = Schemas['Replay'];
export type ReplayRequest = Schemas['CreateReplay'];

/** Reason why a stream ended, from the event `end`. */
export type StreamEndReason = Schemas['StreamEnd']['reason'];

export interface ExchangeListener {
  readonly onExchange: (exchange: Exchange) => void;
  readonly onBodies: (bodies: ExchangeBodies) => void;
  /** Called with the number of exchanges that were left out because there were too many at once. */
  readonly onOmitted: (count: number) => void;
  readonly onState: (state: 'open' | 'interrupted' | StreamEndReason) => void;
}

const PAUSE_MS = 2000;
/** Reasons after which connecting again does not help. */
const FINAL: ReadonlySet<string> = new Set(['access_ended', 'gone']);

/** Watches until the returned function is called. Reconnects when the stream breaks off. */
export function watchExchanges(
  { previewId, teamId, captureBodies }: { previewId: string; teamId: string; captureBodies: boolean },
  listener: ExchangeListener,
): () => void {
  const query = new URLSearchParams({ team: teamId, captureBodies: String(captureBodies) });
  const url = `/api/v1/previews/${encodeURIComponent(previewId)}/exchanges?${query.toString()}`;
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

/** Resolves when the service has answered. */
export function replayRequest(previewId: string, body: ReplayRequest): Promise<Replay> {
  return answerOf(
    api.POST('/api/v1/previews/{previewId}/replays', { params: { path: { previewId } }, body }),
  );
}
