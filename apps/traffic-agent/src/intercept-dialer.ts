import type { AgentLink } from '@culvert/meeting-point';
import type { Dialed, Dialer } from '@culvert/relay';
import type { ResetCode, StreamHandler } from '@culvert/tunnel';
import { InterceptStream } from './intercept-stream.js';

export interface InterceptDialerOptions {
  readonly link: Pick<AgentLink, 'openStream' | 'origin'>;
  readonly application: Dialer;
  readonly interceptId: string;
  /** The application of the agent. */
  readonly port: number;
  /**
   * Called when a request goes to the application because its client is away; null: there is no tunnel to open a stream on.
   */
  readonly onFallBack: (code: ResetCode | null) => void;
}

/** Opens the streams of one intercept. */
export class InterceptDialer implements Dialer {
  constructor(private readonly options: InterceptDialerOptions) {}

  dial(handler: StreamHandler): Dialed | 'absent' | 'full' {
    const { link, application, interceptId, port, onFallBack } = this.options;
    const { origin } = link;
    if (origin === null) return application.dial(handler);
    const stream = new InterceptStream(
      (events) => link.openStream(interceptId, port, events),
      (events) => dialed(application.dial(events)),
      handler,
      onFallBack,
    );
    return { stream, origin: new Origin(stream, origin) };
  }

  /** A stream that leads to the application must not serve further requests of the intercept. */
  isPreferred(origin: object): boolean {
    return (
      origin instanceof Origin && !origin.stream.hasFallenBack && origin.tunnel === this.options.link.origin
    );
  }

  /** Never waits: without a client, requests go to the application. */
  onArrival(): () => void {
    return () => {};
  }
}

class Origin {
  constructor(
    readonly stream: InterceptStream,
    readonly tunnel: object,
  ) {}
}

function dialed(result: Dialed | 'absent' | 'full'): Dialed['stream'] {
  if (typeof result === 'string') throw new Error('unreachable: the application can always be dialed');
  return result.stream;
}
