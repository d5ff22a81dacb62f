/** A dialer's link to the meeting point: a kept tunnel, and the control stream on its newest. */
import { randomUUID } from 'node:crypto';
import { KeptTunnel, type TunnelEnd } from '@culvert/outbound';
import {
  GoAwayCode,
  type IncomingStream,
  type StreamTarget,
  type TunnelConnection,
  type TunnelSettings,
} from '@culvert/tunnel';
import { ControlStream, type ControlLine } from './control-stream.js';

/** Path where a traffic manager accepts agents and clients. */
export const CLUSTER_PATH = '/cluster/v1';

/** `interceptId` of the control stream. */
export const CONTROL_INTERCEPT_ID = 'culvert:control';

/** Values with which the stream of a matched request is opened. */
export function streamTarget(interceptId: string, port: number): StreamTarget {
  return { interceptId, host: 'intercept', port, tls: false, serverName: '', verifyTls: true };
}

export function isControlTarget({ interceptId }: StreamTarget): boolean {
  return interceptId === CONTROL_INTERCEPT_ID;
}

/** Events that agents and clients may want to log. */
export interface LinkEvents {
  onConnected?(): void;
  onDisconnected?(end: TunnelEnd): void;
  /** The traffic manager cannot be reached, or answered the upgrade with `status`. The link retries. */
  onRefused?(status: number | null, reason: string): void;
  /** The credential, or the trusted certificates, cannot be read. The link retries. */
  onCredentialError?(error: unknown): void;
  /** A bug: something that should never happen. */
  onFault?(error: unknown): void;
}

export interface LinkOptions {
  /** `http:` or `https:` URL of the traffic manager inside the cluster. */
  readonly url: URL;
  /** PEM certificates to trust instead of the built-in ones, read again before every attempt. */
  readonly ca?: (() => Promise<string>) | undefined;
  /** Cluster secret, API key or access token, read again before every attempt and while the tunnel is open. */
  readonly credential: () => Promise<string>;
  /** Milliseconds between reads of `credential` while the tunnel is open. Default: 20 s. */
  readonly renewMs?: number;
  /** Id of the dialer, the same after every restart: 1 to 128 characters. */
  readonly id: string;
  readonly name: string;
  /** Version of the program. */
  readonly version: string;
  readonly connectTimeoutMs?: number;
  readonly settings?: Partial<TunnelSettings>;
  readonly events?: LinkEvents;
}

interface LinkOwner {
  /** Returns the first line of a new control stream. */
  firstLine(): object;
  onLine(line: ControlLine): void;
  /** The tunnel of the last `firstLine` accepts no more streams. */
  onLost(): void;
  onStream?(stream: IncomingStream, target: StreamTarget): void;
}

const DEFAULT_CONNECT_TIMEOUT_MS = 10_000;

/** Access tokens are replaced a minute before they expire: a third of that leaves time to send the next one. */
const DEFAULT_RENEW_MS = 20_000;

const CONTROL_TARGET = { ...streamTarget(CONTROL_INTERCEPT_ID, 1), host: 'control' };

export class Link {
  private readonly kept: KeptTunnel;
  private control: ControlStream | null = null;
  /** The tunnel that `control` is on. */
  private tunnelOfControl: TunnelConnection | null = null;
  /** The credential last sent to the traffic manager. */
  private shown: string | null = null;
  private renewTimer: NodeJS.Timeout | undefined;

  constructor(
    private readonly options: LinkOptions,
    private readonly owner: LinkOwner,
  ) {
    const { events = {} } = options;
    this.kept = new KeptTunnel({
      url: options.url,
      path: CLUSTER_PATH,
      ca: options.ca,
      connectTimeoutMs: options.connectTimeoutMs ?? DEFAULT_CONNECT_TIMEOUT_MS,
      hello: {
        managerId: options.id,
        clusterId: '',
        name: options.name,
        version: options.version,
        instanceId: randomUUID(),
      },
      ...(options.settings && { settings: options.settings }),
      credential: async () => (this.shown = await options.credential()),
      onOpen: (tunnel) => {
        this.openControl(tunnel);
        events.onConnected?.();
      },
      ...(owner.onStream && {
        onStream: (stream: IncomingStream, target: StreamTarget) => owner.onStream!(stream, target),
      }),
      onGoAway: (tunnel) => this.lose(tunnel),
      onClose: (tunnel, end) => {
        this.lose(tunnel);
        events.onDisconnected?.(end);
      },
      onRefused: (status, reason) => events.onRefused?.(status, reason),
      onCredentialError: (error) => events.onCredentialError?.(error),
      onGiveUp: (reason) => events.onFault?.(new Error(`the traffic manager has another version: ${reason}`)),
      onFault: (error) => events.onFault?.(error),
    });
  }

  /** The tunnel for new streams, or null. */
  get tunnel(): TunnelConnection | null {
    return this.kept.current;
  }

  get isConnected(): boolean {
    return this.control !== null;
  }

  /** Returns false if there is no control stream to send it on. */
  send(line: object): boolean {
    if (this.control === null) return false;
    this.control.send(line);
    return true;
  }

  stop(reason: string, graceMs: number): Promise<void> {
    const stopped = this.kept.stop(reason, graceMs);
    if (this.tunnelOfControl !== null) this.lose(this.tunnelOfControl);
    return stopped;
  }

  close(reason: string): void {
    this.kept.close(reason);
  }

  private openControl(tunnel: TunnelConnection): void {
    const control = new ControlStream({
      onLine: (line) => this.owner.onLine(line),
      onViolation: (reason) => tunnel.close(GoAwayCode.PROTOCOL_ERROR, reason),
      // Nothing works without a control stream: another tunnel may have a working one.
      onEnd: () => tunnel.close(GoAwayCode.NORMAL, 'the control stream has ended'),
    });
    const stream = tunnel.openStream(CONTROL_TARGET, control);
    if (stream === null) return tunnel.close(GoAwayCode.INTERNAL, 'no control stream');
    control.attach(stream);
    this.control = control;
    this.tunnelOfControl = tunnel;
    control.send(this.owner.firstLine());
    this.renewLater();
  }

  private renewLater(): void {
    clearTimeout(this.renewTimer);
    this.renewTimer = setTimeout(() => void this.renew(), this.options.renewMs ?? DEFAULT_RENEW_MS);
    this.renewTimer.unref();
  }

  /** Sends the traffic manager a changed credential before it finds that the old one has expired. */
  private async renew(): Promise<void> {
    const { control } = this;
    // An unreadable credential is tried again. Meanwhile the traffic manager judges the old one.
    const credential = await this.options.credential().catch(() => this.shown);
    if (control === null || control !== this.control) return;
    if (credential !== null && credential !== this.shown) {
      this.shown = credential;
      control.send({ type: 'credential', credential });
    }
    this.renewLater();
  }

  /** Only requests are left on the tunnel: it closes with the last of them. */
  private lose(tunnel: TunnelConnection): void {
    if (tunnel !== this.tunnelOfControl) return;
    clearTimeout(this.renewTimer);
    this.control?.abandon();
    this.control = null;
    this.tunnelOfControl = null;
    this.owner.onLost();
  }
}
