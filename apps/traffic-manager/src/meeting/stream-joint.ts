/** Joins an agent's stream to one on a client's tunnel: bytes, backpressure, ends and resets both ways. */
import {
  ResetCode,
  type IncomingStream,
  type Stream,
  type StreamHandler,
  type Tunnel,
} from '@culvert/tunnel';

/**
 * @param tunnels the client's tunnels, the preferred one first
 */
export function joinStreams(
  fromAgent: IncomingStream,
  tunnels: readonly Tunnel[],
  target: Parameters<Tunnel['openStream']>[0],
): void {
  if (tunnels.length === 0) {
    fromAgent.reset(ResetCode.INGRESS_UNREACHABLE, 'the intercepting client is not connected');
    return;
  }
  const clientSide = new ClientSide(fromAgent);
  for (const tunnel of tunnels) {
    const toClient = tunnel.openStream(target, clientSide);
    if (toClient === null) continue;
    clientSide.stream = toClient;
    fromAgent.handler = new AgentSide(fromAgent, toClient);
    return;
  }
  fromAgent.reset(ResetCode.STREAM_LIMIT, 'the intercepting client accepts no more streams');
}

/** Handles the events of the stream that the agent opened. */
class AgentSide implements StreamHandler {
  constructor(
    private readonly fromAgent: Stream,
    private readonly toClient: Stream,
  ) {}

  onOpen(): void {
    // Only the opener is notified that a stream is open.
  }
  onData(chunk: Buffer): void {
    if (!this.toClient.write(chunk)) this.fromAgent.pause();
  }
  onEnd(): void {
    this.toClient.end();
  }
  onReset(): void {
    this.toClient.reset(ResetCode.CANCEL, 'the traffic agent no longer needs the stream');
  }
  onDrain(): void {
    this.toClient.resume();
  }
}

/** Handles the events of the stream that was opened to the client. */
class ClientSide implements StreamHandler {
  stream: Stream | null = null;
  private isOpened = false;

  constructor(private readonly fromAgent: IncomingStream) {}

  onOpen(): void {
    this.isOpened = true;
    this.fromAgent.accept();
  }
  onData(chunk: Buffer): void {
    if (!this.fromAgent.write(chunk)) this.stream!.pause();
  }
  onEnd(): void {
    this.fromAgent.end();
  }
  onReset(code: ResetCode, detail: string): void {
    this.fromAgent.reset(this.codeForAgent(code), detail);
  }
  onDrain(): void {
    this.fromAgent.resume();
  }

  /** A lost tunnel has no code of its own: the agent must know whether bytes may have arrived. */
  private codeForAgent(code: ResetCode): ResetCode {
    if (code !== ResetCode.TUNNEL_LOST) return code;
    return this.isOpened ? ResetCode.INGRESS_RESET : ResetCode.INGRESS_UNREACHABLE;
  }
}
