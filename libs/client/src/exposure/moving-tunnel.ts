/**
 * Keeps a tunnel open with a credential that ends. In time it opens another tunnel with a new secret, and only then asks the
 * old one to leave, so that the acceptor always has a tunnel for new streams and open streams continue.
 */
import { randomUUID } from 'node:crypto';
import type { Credential } from '@culvert/api-client';
import { KeptTunnel, type KeptTunnelOptions, type TunnelEnd } from '@culvert/outbound';
import type { Hello, Welcome } from '@culvert/tunnel';

/** How long a tunnel that was replaced may finish its streams. The acceptor ends it earlier, when its secret ends. */
const LEAVING_MS = 30 * 60_000;
const LEAVING_REASON = 'a tunnel with a newer credential replaced it';
/** Least time between two looks at the credential. */
const MIN_LOOK_MS = 200;
/** Longest wait of a timer. */
const MAX_LOOK_MS = 2 ** 31 - 1;

type Passed = 'url' | 'ca' | 'usesProxy' | 'connectTimeoutMs' | 'onGiveUp' | 'onFault' | 'onCredentialError';

export interface MovingTunnelOptions extends Pick<KeptTunnelOptions, Passed> {
  readonly hello: Omit<Hello, 'instanceId'>;
  readonly credential: Credential;
  readonly onStream: NonNullable<KeptTunnelOptions['onStream']>;
  /** A tunnel is open: the first, or one after a loss. */
  readonly onOpen: (welcome: Welcome) => void;
  /** The tunnel was replaced by one with a newer secret, without a gap. */
  readonly onMove: (welcome: Welcome) => void;
  /** The tunnel in use has ended. @param secret with which it was opened */
  readonly onClose: (end: TunnelEnd, secret: string) => void;
  /** The acceptor refuses the tunnel to use. Another attempt follows once the returned promise has settled. */
  readonly onRefused: (status: number | null, reason: string, secret: string) => void | Promise<void>;
}

/** One kept tunnel, and the secret of its last attempt. */
interface Leg {
  readonly kept: KeptTunnel;
  readonly secret: string;
}

export class MovingTunnel {
  /** The leg in use. */
  private leg: Leg;
  /** The leg that is about to replace it, until it is open. */
  private next: Leg | null = null;
  /** Legs that finish their streams. */
  private readonly leaving = new Set<KeptTunnel>();
  private timer: NodeJS.Timeout | undefined;
  private isOver = false;

  /** Starts dialing at once. */
  constructor(private readonly options: MovingTunnelOptions) {
    this.leg = this.dial();
  }

  /** Reports whether a tunnel takes new streams. */
  get isOpen(): boolean {
    return this.leg.kept.current !== null;
  }

  /** Lets open streams finish within `graceMs`. */
  async stop(reason: string, graceMs: number): Promise<void> {
    await Promise.all(this.abandon().map((kept) => kept.stop(reason, graceMs)));
  }

  /** Ends every tunnel at once. */
  close(reason: string): void {
    for (const kept of this.abandon()) kept.close(reason);
  }

  private abandon(): readonly KeptTunnel[] {
    this.isOver = true;
    clearTimeout(this.timer);
    return [this.leg.kept, ...(this.next === null ? [] : [this.next.kept]), ...this.leaving];
  }

  /** Each leg is a process of its own to the acceptor, which would otherwise end the old one as half dead. */
  private dial(): Leg {
    const { options } = this;
    const { credential, hello, onOpen: _onOpen, onMove: _onMove, ...passed } = options;
    let secret = '';
    const kept = new KeptTunnel({
      ...passed,
      hello: { ...hello, instanceId: randomUUID() },
      credential: async () => (secret = await credential.secret()),
      onOpen: (_tunnel, welcome) => this.handleOpen(leg, welcome),
      onClose: (_tunnel, end) => {
        if (leg === this.leg) options.onClose(end, secret);
      },
      onRefused: async (status, reason) => {
        if (leg === this.leg) await options.onRefused(status, reason, secret);
        // The leg in use reports what is wrong if this one does not open before its secret ends.
        else if (status === 401) await credential.renew(secret).catch(() => false);
      },
      onCredentialError: (error) => {
        if (leg === this.leg) options.onCredentialError(error);
      },
    });
    const leg: Leg = {
      kept,
      get secret() {
        return secret;
      },
    };
    return leg;
  }

  private handleOpen(leg: Leg, welcome: Welcome): void {
    if (leg === this.leg) {
      this.look();
      this.options.onOpen(welcome);
    } else if (leg === this.next) {
      const { kept: old } = this.leg;
      this.leg = leg;
      this.next = null;
      this.leaving.add(old);
      void old.stop(LEAVING_REASON, LEAVING_MS).then(() => this.leaving.delete(old));
      this.look();
      this.options.onMove(welcome);
    }
  }

  /** Waits until the credential should change, and dials the next leg then. */
  private look(): void {
    clearTimeout(this.timer);
    const renewAt = this.options.credential.renewAt?.() ?? null;
    if (renewAt === null || this.isOver) return;
    const waitMs = Math.min(Math.max(renewAt - Date.now(), MIN_LOOK_MS), MAX_LOOK_MS);
    this.timer = setTimeout(() => void this.renew(), waitMs).unref();
  }

  private async renew(): Promise<void> {
    const { leg } = this;
    // The next leg asks again, and reports failures.
    const secret = await this.options.credential.secret().catch(() => leg.secret);
    if (this.isOver || leg !== this.leg) return;
    if (secret !== leg.secret && this.next === null) this.next = this.dial();
    this.look();
  }
}
