import type { AgentLink } from '@culvert/meeting-point';
import type { Dialed, Dialer } from '@culvert/relay';
import type { ResetCode, StreamHandler } from '@culvert/tunnel';
import { InterceptStream } from './intercept-stream.js';

export interface InterceptDialerOptions {
  readonly link: Pick<AgentLink, 'openStream' | 'origin'>;
  readonly application: Dialer;
  readonly interceptId: string;
  /** The agent's own. */
  readonly port: number;
  /** A request goes to the application since its client is away; null: there is no tunnel to have a stream of. */
  readonly onFallBack: (code: ResetCode | null) => void;
}

/** The streams of one intercept. */
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

  /** One that leads to the application must serve no further request of the intercept. */
  isPreferred(origin: object): boolean {
    return (
      origin instanceof Origin && !origin.stream.hasFallenBack && origin.tunnel === this.options.link.origin
    );
  }

  /** It never waits: without a client requests go to the application. */
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
  if (typeof result === 'string') throw new Error('the application is always worth a try');
  return result.stream;
}
