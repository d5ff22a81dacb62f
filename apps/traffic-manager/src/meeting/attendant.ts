/** One tunnel at the meeting point: reads its control stream, and represents it at the registry. */
import {
  agentLine,
  clientLine,
  ControlStream,
  describeIssues,
  firstLine,
  interceptDraft,
  isControlTarget,
  streamTarget,
  type InterceptInfo,
  type LookedFor,
} from '@culvert/meeting-point';
import {
  acceptTunnel,
  GoAwayCode,
  goAwayName,
  ResetCode,
  type Carrier,
  type Hello,
  type IncomingStream,
  type StreamTarget,
  type TunnelConnection,
} from '@culvert/tunnel';
import type { Logger } from 'pino';
import type { z } from 'zod';
import type { AgentPort, ClientPort, Registry } from './registry.js';
import { joinStreams } from './stream-joint.js';

export interface AttendantHost {
  readonly registry: Registry;
  readonly log: Logger;
  /** Facts sent to clients. */
  welcome(): { readonly culvertUrl: string; readonly trafficManagerId: string; readonly version: string };
  /** The handshake is complete; an older tunnel of the same process must close. */
  admit(attendant: Attendant): void;
  leave(attendant: Attendant): void;
  /** Resolves with whether its credential is still accepted. If not, its tunnel has been closed. */
  checkCredential(attendant: Attendant): Promise<boolean>;
  /** It presents another credential. */
  replaceCredential(attendant: Attendant, credential: string): Promise<void>;
}

/** A dialer must announce itself within this time. */
const FIRST_LINE_TIMEOUT_MS = 10_000;

/** Issues of a `create` are cut to what fits in a `refused` line. */
const MAX_MESSAGE_LENGTH = 2048;

type ClientLine = z.output<typeof clientLine>;

type Role =
  | { readonly kind: 'unknown' }
  | { readonly kind: 'agent'; readonly port: AgentPort }
  | { readonly kind: 'client'; readonly port: ClientPort };

export class Attendant {
  hello: Hello | null = null;
  readonly tunnel: TunnelConnection;
  private role: Role = { kind: 'unknown' };
  private control: ControlStream | null = null;
  private firstLineTimer: NodeJS.Timeout | null = null;
  /** Lines received after a `create` whose client is being judged; null otherwise. */
  private waiting: ClientLine[] | null = null;
  private hasLeft = false;

  /** @param credential the credential that admitted it; the credential checks replace it */
  constructor(
    carrier: Carrier,
    private readonly host: AttendantHost,
    public credential: string,
    private readonly address: string,
  ) {
    this.tunnel = acceptTunnel(carrier, {
      onHello: (hello) => {
        this.hello = hello;
        return Promise.resolve({ accept: { sessionId: hello.managerId, resumed: false } });
      },
      onOpen: () => {
        this.firstLineTimer = setTimeout(
          () => this.tunnel.close(GoAwayCode.TIMEOUT, 'no first control line'),
          FIRST_LINE_TIMEOUT_MS,
        );
        host.admit(this);
      },
      onStream: (stream, target) => this.handleStream(stream, target),
      onGoAway: () => this.forget(),
      onClose: (code, reason, wasError) => {
        if (this.firstLineTimer !== null) clearTimeout(this.firstLineTimer);
        this.forget();
        host.leave(this);
        if (this.role.kind !== 'unknown' || wasError)
          this.log(wasError ? 'warn' : 'info', { code: goAwayName(code), reason }, 'left the meeting point');
      },
      onFault: (error) => host.log.error({ err: error }, 'tunnel fault'),
    });
  }

  get kind(): Role['kind'] {
    return this.role.kind;
  }

  private handleStream(stream: IncomingStream, target: StreamTarget): void {
    if (isControlTarget(target)) {
      if (this.control !== null) {
        this.tunnel.close(GoAwayCode.PROTOCOL_ERROR, 'a second control stream');
        return;
      }
      this.control = new ControlStream({
        onLine: (line) => this.handleLine(line),
        onViolation: (reason) => this.tunnel.close(GoAwayCode.PROTOCOL_ERROR, reason),
        onEnd: () => this.handleControlEnd(),
      });
      this.control.attach(stream);
      stream.handler = this.control;
      stream.accept();
    } else if (this.role.kind === 'agent') {
      const { interceptId, port } = target;
      joinStreams(stream, this.host.registry.tunnelsTo(interceptId), streamTarget(interceptId, port));
    } else {
      stream.reset(ResetCode.FORBIDDEN, 'only traffic agents open streams');
    }
  }

  /** While a tunnel is going away, its requests in progress continue. */
  private handleControlEnd(): void {
    if (this.tunnel.state !== 'draining')
      this.tunnel.close(GoAwayCode.NORMAL, 'the control stream has ended');
  }

  private handleLine(line: object): void {
    switch (this.role.kind) {
      case 'unknown':
        this.handleFirstLine(line);
        return;
      case 'agent':
        this.handleAgentLine(line, this.role.port);
        return;
      case 'client':
        this.handleClientLine(line, this.role.port);
        return;
      default:
        throw new Error(`unhandled role ${String(this.role satisfies never)}`);
    }
  }

  private handleFirstLine(line: object): void {
    const read = firstLine.safeParse(line);
    if (!read.success) {
      this.tunnel.close(GoAwayCode.PROTOCOL_ERROR, `the first control line: ${describeIssues(read.error)}`);
      return;
    }
    if (this.firstLineTimer !== null) clearTimeout(this.firstLineTimer);
    const { registry } = this.host;
    const id = this.hello!.managerId;
    if (read.data.type === 'agent') {
      const { type: _, ...announcement } = read.data;
      const port: AgentPort = {
        id,
        announcement,
        sendIntercepts: (revision, intercepts) => this.sendIntercepts(revision, intercepts),
      };
      this.role = { kind: 'agent', port };
      this.log('info', announcement, 'a traffic agent connected to the meeting point');
      registry.addAgent(port);
    } else {
      const { name } = read.data;
      const port: ClientPort = {
        id,
        name,
        tunnel: this.tunnel,
        sendIntercept: (intercept) => this.control!.send({ type: 'intercept', intercept }),
      };
      this.role = { kind: 'client', port };
      this.log('info', { client: name }, 'a client connected to the meeting point');
      this.control!.send({ type: 'welcome', ...this.host.welcome() });
    }
  }

  private sendIntercepts(revision: number, intercepts: readonly LookedFor[]): void {
    this.control!.send({ type: 'intercepts', revision, intercepts });
  }

  private handleAgentLine(line: object, port: AgentPort): void {
    const read = agentLine.safeParse(line);
    if (!read.success) return;
    const { data } = read;
    switch (data.type) {
      case 'applied':
        this.host.registry.handleApplied(port, data.revision, data.errors);
        return;
      case 'credential':
        void this.host.replaceCredential(this, data.credential);
        return;
      default:
        throw new Error(`unhandled line ${String(data satisfies never)}`);
    }
  }

  private handleClientLine(line: object, port: ClientPort): void {
    const read = clientLine.safeParse(line);
    if (!read.success) return;
    if (this.waiting === null) this.answerClientLine(read.data, port);
    else this.waiting.push(read.data);
  }

  private answerClientLine(line: ClientLine, port: ClientPort): void {
    const { registry } = this.host;
    switch (line.type) {
      case 'create':
        void this.createWhenJudged(line.request, line.intercept, port);
        return;
      case 'remove': {
        const removed = registry.remove(port, line.id);
        if (removed === null)
          this.refuse(line.request, 'NOT_FOUND', `this client has no intercept ${line.id}`);
        else {
          this.log('info', { interceptId: line.id, ...removed }, 'removed an intercept');
          this.control!.send({ type: 'removed', request: line.request, id: line.id, ...removed });
        }
        return;
      }
      case 'list':
        this.list(line.request);
        return;
      case 'credential':
        void this.host.replaceCredential(this, line.credential);
        return;
      default:
        throw new Error(`unhandled line ${String(line satisfies never)}`);
    }
  }

  /** A client that lost its key since it connected gets no more traffic. Lines are answered in order: the next ones wait. */
  private async createWhenJudged(request: number, wanted: unknown, port: ClientPort): Promise<void> {
    // Only lines received together with this one can wait: nothing more is read.
    const waiting: ClientLine[] = [];
    this.waiting = waiting;
    this.control!.pause();
    const isAccepted = await this.host.checkCredential(this);
    if (!isAccepted || this.hasLeft) return;
    this.create(request, wanted, port);
    this.waiting = null;
    for (const line of waiting) {
      if (this.waiting === null) this.answerClientLine(line, port);
      else (this.waiting as ClientLine[]).push(line);
    }
    if (this.waiting === null) this.control!.resume();
  }

  private create(request: number, wanted: unknown, port: ClientPort): void {
    const draft = interceptDraft.safeParse(wanted);
    if (!draft.success) return this.refuse(request, 'BAD_ARGS', describeIssues(draft.error));
    const result = this.host.registry.create(port, draft.data);
    if (!result.ok) return this.refuse(request, result.code, result.message);
    this.logIntercept(result.intercept);
    this.control!.send({ type: 'created', request, intercept: result.intercept });
  }

  private refuse(request: number, code: string, message: string): void {
    this.log('info', { code, message }, 'refused a request of a client');
    this.control!.send({ type: 'refused', request, code, message: message.slice(0, MAX_MESSAGE_LENGTH) });
  }

  /** Lists as much as fits in one line. For more, clients narrow the request. */
  private list(request: number): void {
    const { registry } = this.host;
    const intercepts = registry.list();
    const workloads = registry.workloads();
    this.control!.send({ type: 'listed', request, ...fitting(intercepts, workloads) });
  }

  private forget(): void {
    this.hasLeft = true;
    const { role } = this;
    if (role.kind === 'agent') this.host.registry.removeAgent(role.port);
    else if (role.kind === 'client') this.host.registry.removeClient(role.port);
  }

  private logIntercept({ id, workload, namespace, disposition }: InterceptInfo): void {
    this.log('info', { interceptId: id, workload, namespace, disposition }, 'created an intercept');
  }

  private log(level: 'info' | 'warn', fields: object, message: string): void {
    const { address, hello } = this;
    this.host.log[level]({ id: hello?.managerId, address, ...fields }, message);
  }
}

const MAX_LISTED_BYTES = 200_000;

function fitting<I, W>(
  intercepts: readonly I[],
  workloads: readonly W[],
): { intercepts: I[]; workloads: W[] } {
  let bytes = 0;
  const fits = (item: unknown): boolean =>
    (bytes += Buffer.byteLength(JSON.stringify(item)) + 1) <= MAX_LISTED_BYTES;
  return { intercepts: intercepts.filter(fits), workloads: workloads.filter(fits) };
}
