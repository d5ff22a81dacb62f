/** A client's end of the meeting point: pod daemons and workstations intercept with it. */
import { connectIngress, Splice, type IngressFailure } from '@culvert/outbound';
import { ResetCode, type IncomingStream, type StreamTarget } from '@culvert/tunnel';
import type { ControlLine } from './control-stream.js';
import { Link, type LinkOptions } from './link.js';
import {
  managerToClient,
  type InterceptDraft,
  type InterceptInfo,
  type ManagerToClient,
  type RefusalCode,
  type WorkloadInfo,
} from './messages.js';

/** Where the requests of an intercept go: an address that this process can reach. */
export interface LocalTarget {
  readonly host: string;
  readonly port: number;
}

export interface MeetingClientOptions extends LinkOptions {
  /** Called at every connection, before intercepts are resumed. */
  readonly onWelcome?: (welcome: Welcome) => void;
  /** An intercept of this client was resumed or has changed. */
  readonly onIntercept?: (intercept: InterceptInfo) => void;
  /** An intercept could not be resumed, and is given up. */
  readonly onRefused?: (draft: InterceptDraft, error: MeetingError) => void;
  /** A request could not be delivered to its target. Can come at any rate. */
  readonly onTargetFailure?: (interceptId: string, failure: IngressFailure) => void;
  /** Wraps a request's stream before it is joined to its target. */
  readonly tap?: (interceptId: string, stream: IncomingStream) => IncomingStream;
}

export type Welcome = Extract<ManagerToClient, { type: 'welcome' }>;

/** The meeting point refused a request; `message` is for people. */
export class MeetingError extends Error {
  override readonly name = 'MeetingError';
  constructor(
    /** `LOST`: the connection broke before the answer. */
    readonly code: RefusalCode | 'LOST',
    message: string,
  ) {
    super(message);
  }
}

interface DeclaredIntercept {
  readonly draft: InterceptDraft;
  readonly target: LocalTarget;
  info: InterceptInfo | null;
}

interface Pending {
  readonly resolve: (line: ManagerToClient) => void;
  readonly reject: (error: Error) => void;
}

const TARGET_CONNECT_TIMEOUT_MS = 10_000;

export class MeetingClient {
  private readonly link: Link;
  /** Intercepts to resume at every connection, by workload and name. */
  private readonly declared = new Map<string, DeclaredIntercept>();
  private readonly pending = new Map<number, Pending>();
  private nextRequest = 1;
  private lastWelcome: Welcome | null = null;
  private readonly waiting = new Set<{
    readonly resolve: () => void;
    readonly reject: (error: Error) => void;
  }>();
  private isOver = false;

  /** Starts dialing at once. */
  constructor(private readonly options: MeetingClientOptions) {
    this.link = new Link(options, {
      firstLine: () => ({ type: 'client', name: options.name }),
      onLine: (line) => this.handleLine(line),
      onLost: () => this.handleLost(),
      onStream: (stream, target) => this.splice(stream, target),
    });
  }

  /** Whether the meeting point has answered on the current connection. */
  get isConnected(): boolean {
    return this.link.isConnected && this.lastWelcome !== null;
  }

  /** Facts from the traffic manager at the last connection, or null. */
  get welcome(): Welcome | null {
    return this.lastWelcome;
  }

  /** Resolves once connected. Rejects with MeetingError if the client stops before. */
  async whenConnected(): Promise<void> {
    while (!this.isConnected) {
      if (this.isOver) throw new MeetingError('LOST', 'the client is stopping');
      await new Promise<void>((resolve, reject) => void this.waiting.add({ resolve, reject }));
    }
  }

  /**
   * Creates an intercept, or changes the one of this workload and name. From then on it is resumed at every connection,
   * until `remove`. Rejects with MeetingError if it is refused, or the connection breaks meanwhile.
   */
  async create(draft: InterceptDraft, target: LocalTarget): Promise<InterceptInfo> {
    await this.whenConnected();
    const own: DeclaredIntercept = { draft, target, info: null };
    this.declared.set(keyOf(draft), own);
    try {
      return await this.declare(own);
    } catch (error) {
      if (this.declared.get(keyOf(draft)) === own) this.declared.delete(keyOf(draft));
      throw error;
    }
  }

  /** `isLast`: no other process with this client's id holds the intercept. Rejects with MeetingError. */
  async remove(interceptId: string): Promise<{ readonly isLast: boolean }> {
    for (const [key, { info }] of this.declared) if (info?.id === interceptId) this.declared.delete(key);
    const answer = await this.ask({ type: 'remove', id: interceptId });
    return { isLast: answer.type === 'removed' && answer.isLast };
  }

  /** Lists the intercepts of all clients, and the workloads that have agents. Rejects with MeetingError. */
  async list(): Promise<{
    readonly intercepts: readonly InterceptInfo[];
    readonly workloads: readonly WorkloadInfo[];
  }> {
    await this.whenConnected();
    const answer = await this.ask({ type: 'list' });
    return answer.type === 'listed' ? answer : { intercepts: [], workloads: [] };
  }

  /** Lets requests in progress finish within `graceMs`. Intercepts that were not removed wait for the grace period of §2. */
  async stop(graceMs: number): Promise<void> {
    this.giveUpWaiting();
    await this.link.stop('the client is stopping', graceMs);
  }

  close(): void {
    this.giveUpWaiting();
    this.link.close('the client is stopping');
  }

  private giveUpWaiting(): void {
    this.isOver = true;
    for (const { reject } of this.waiting) reject(new MeetingError('LOST', 'the client is stopping'));
    this.waiting.clear();
  }

  /** Returns the state when the waiting caller runs: a change may have come in the same message. */
  private async declare(own: DeclaredIntercept): Promise<InterceptInfo> {
    const answer = await this.ask({ type: 'create', intercept: own.draft });
    if (answer.type !== 'created')
      throw new MeetingError('LOST', 'the traffic manager sent an unexpected answer');
    return this.declared.get(keyOf(own.draft))?.info ?? answer.intercept;
  }

  private ask(line: { readonly type: string; readonly [member: string]: unknown }): Promise<ManagerToClient> {
    const request = this.nextRequest++;
    return new Promise((resolve, reject) => {
      this.pending.set(request, { resolve, reject });
      const problem = this.trySend({ ...line, request });
      if (problem === null) return;
      this.pending.delete(request);
      reject(problem);
    });
  }

  private trySend(line: object): MeetingError | null {
    try {
      return this.link.send(line) ? null : new MeetingError('LOST', 'the traffic manager is not connected');
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      return new MeetingError('BAD_ARGS', `the request cannot be sent: ${error.message}`);
    }
  }

  private handleLine(line: ControlLine): void {
    const read = managerToClient.safeParse(line);
    // Ignores lines of a newer traffic manager.
    if (!read.success) return;
    const message = read.data;
    switch (message.type) {
      case 'welcome':
        this.handleWelcome(message);
        return;
      case 'intercept':
        this.handleIntercept(message.intercept);
        return;
      case 'refused':
        this.claim(message.request)?.reject(new MeetingError(message.code, message.message));
        return;
      case 'created':
        this.handleCreated(message.intercept);
        this.claim(message.request)?.resolve(message);
        return;
      case 'removed':
      case 'listed':
        this.claim(message.request)?.resolve(message);
        return;
      default:
        throw new Error(`unhandled line ${String(message satisfies never)}`);
    }
  }

  private handleWelcome(welcome: Welcome): void {
    this.lastWelcome = welcome;
    this.options.onWelcome?.(welcome);
    for (const own of this.declared.values()) void this.resume(own);
    for (const { resolve } of this.waiting) resolve();
    this.waiting.clear();
  }

  private async resume(own: DeclaredIntercept): Promise<void> {
    try {
      const intercept = await this.declare(own);
      this.options.onIntercept?.(intercept);
    } catch (error) {
      // A connection that broke meanwhile resumes at the next one.
      if (!(error instanceof MeetingError) || error.code === 'LOST') return;
      this.declared.delete(keyOf(own.draft));
      this.options.onRefused?.(own.draft, error);
    }
  }

  /** Runs at once: its first stream may be in the same message as this line. */
  private handleCreated(intercept: InterceptInfo): void {
    const own = this.declared.get(keyOf(intercept));
    if (own !== undefined) own.info = intercept;
  }

  private handleIntercept(intercept: InterceptInfo): void {
    const own = this.declared.get(keyOf(intercept));
    if (own === undefined) return;
    own.info = intercept;
    this.options.onIntercept?.(intercept);
  }

  private claim(request: number): Pending | undefined {
    const pending = this.pending.get(request);
    this.pending.delete(request);
    return pending;
  }

  private handleLost(): void {
    this.lastWelcome = null;
    for (const [request, { reject }] of this.pending) {
      this.pending.delete(request);
      reject(new MeetingError('LOST', 'the connection to the traffic manager broke'));
    }
  }

  private splice(stream: IncomingStream, { interceptId }: StreamTarget): void {
    const target = this.targetOf(interceptId);
    if (target === null) {
      stream.reset(ResetCode.INGRESS_UNREACHABLE, 'the client holds no such intercept');
      return;
    }
    const { host, port } = target;
    const socket = connectIngress({ host, port, tls: null }, (chunk) => splice.handleIngressData(chunk));
    const tapped = this.options.tap?.(interceptId, stream) ?? stream;
    const splice = new Splice(tapped, socket, {
      connectTimeoutMs: TARGET_CONNECT_TIMEOUT_MS,
      isTls: false,
      alpn: 'http/1.1',
      label: `${host}:${port}`,
      onFailure: (failure) => this.options.onTargetFailure?.(interceptId, failure),
    });
  }

  private targetOf(interceptId: string): LocalTarget | null {
    for (const { info, target } of this.declared.values()) if (info?.id === interceptId) return target;
    return null;
  }
}

function keyOf({
  name,
  workload,
  namespace,
}: Pick<InterceptDraft, 'name' | 'workload' | 'namespace'>): string {
  return `${namespace}/${workload}/${name}`;
}
