/**
 * Exposes targets of this machine through one native tunnel. To the edge this process is a traffic manager. Its streams
 * lead to these targets only, whatever the edge asks for.
 */
import type { Socket } from 'node:net';
import { createSecureContext, type SecureContext } from 'node:tls';
import {
  connectIngress,
  Splice,
  type IngressFailure,
  type TunnelEnd,
  withUsualCertificates,
} from '@culvert/outbound';
import { GoAwayCode, goAwayName, ResetCode, type IncomingStream, type StreamTarget } from '@culvert/tunnel';
import type { Credential } from '@culvert/api-client';
import { asClientError, ClientError } from '../client-error.js';
import { Http1Watch, type SeenRequest } from '../requests/http1-watch.js';
import type { RequestRecorder } from '../requests/request-recorder.js';
import { TappedStream } from '../requests/tapped-stream.js';
import { showTarget, type Target } from '../target/target.js';
import { VERSION } from '../version.js';
import { MovingTunnel } from './moving-tunnel.js';

const CONNECT_TIMEOUT_MS = 10_000;
const MAX_NAME_LENGTH = 128;
/** Shown when the tunnel closes. */
const END_REASON = 'the exposure is ending';
/** Limit of targets that a refusal names. */
const MAX_NAMED_TARGETS = 3;

/** A target that the edge may open streams to. */
export interface ExposureTarget {
  readonly target: Target;
  /** Whether a TLS target must have a valid certificate. */
  readonly verifyTls: boolean;
  /** A stream could not be joined to the target, or its connection broke. */
  readonly onFailure: (failure: IngressFailure) => void;
  /** Watches requests. Absent: requests are not watched. */
  readonly onRequest?: (request: SeenRequest) => void;
  /** Records requests. Absent: they are not recorded. */
  readonly recorder?: RequestRecorder;
}

export interface ExposureOptions {
  /** URL of Culvert. */
  readonly url: string;
  /** PEM certificates to trust for Culvert, in addition to the usual ones. */
  readonly ca: string | undefined;
  readonly bearer: Credential;
  /** Manager id, the same at every run. */
  readonly managerId: string;
  /** Name shown to people. */
  readonly name: string;
  /** Targets from the start, which differ in host, port or use of TLS. `add` and `forget` change them. */
  readonly targets: readonly ExposureTarget[];
  /** A tunnel is open: the first, or one after a loss. */
  readonly onConnected: (sessionId: string) => void;
  /** The tunnel is lost; the exposure reconnects. @param reason for people */
  readonly onLost: (reason: string) => void;
  /** The tunnel is lost for good. */
  readonly onEnded: (error: ClientError) => void;
}

export class Exposure {
  private readonly tunnel: MovingTunnel;
  /** Connections to targets. */
  private readonly sockets = new Map<Socket, ExposureTarget>();
  /** The newest of several for one address gets its streams. */
  private targets: readonly ExposureTarget[] = [];
  private secureContext: SecureContext | null = null;
  private wasConnected = false;
  private sessionId: string | null = null;
  /** Whether the current loss of the connection was already reported. */
  private hasToldLoss = false;
  private isOver = false;

  /** Starts dialing at once. @throws ClientError if two targets are the same */
  constructor(private readonly options: ExposureOptions) {
    const { url, ca, bearer, managerId, name, targets } = options;
    refuseSameTargets(targets);
    for (const target of targets) this.add(target);
    this.tunnel = new MovingTunnel({
      url: new URL(url),
      ca: withUsualCertificates(ca)?.join('\n'),
      usesProxy: true,
      connectTimeoutMs: CONNECT_TIMEOUT_MS,
      hello: { managerId, clusterId: '', name: name.slice(0, MAX_NAME_LENGTH), version: VERSION },
      credential: bearer,
      onOpen: ({ sessionId }) => this.handleOpen(sessionId),
      onMove: ({ sessionId }) => {
        if (sessionId !== this.sessionId) this.handleOpen(sessionId);
      },
      onStream: (stream, target) => this.splice(stream, target),
      onClose: (end, secret) => this.handleClose(end, secret),
      onRefused: (status, reason, secret) => this.handleRefusal(status, reason, secret),
      onCredentialError: (error) => this.handleCredentialError(error),
      onGiveUp: (reason) =>
        this.end(
          new ClientError('unreachable', `${url} speaks another version of the tunnel protocol: ${reason}`, {
            hint: 'Install the culvert version that matches the server.',
          }),
        ),
      onFault: (error) => this.end(asClientError(error)),
    });
  }

  /** Lets the edge open streams to one more target. It replaces another one with the same address until it is forgotten. */
  add(added: ExposureTarget): void {
    this.targets = [added, ...this.targets];
    // Created early, because it takes a while.
    if (added.target.isTls) this.secureContext ??= createSecureContext();
  }

  /** Refuses new streams to a target. Streams that are open continue. */
  forget(forgotten: ExposureTarget): void {
    this.targets = this.targets.filter((each) => each !== forgotten);
  }

  /** Refuses new streams to a target and breaks those that are open, such as kept ones on which a request could follow. */
  cut(target: ExposureTarget): void {
    this.forget(target);
    for (const [socket, own] of this.sockets) if (own === target) socket.destroy();
  }

  /** Lets requests in progress finish within `graceMs`. */
  async stop(graceMs: number): Promise<void> {
    this.isOver = true;
    await this.tunnel.stop(END_REASON, graceMs);
    this.destroySockets();
  }

  close(): void {
    this.isOver = true;
    this.tunnel.close(END_REASON);
    this.destroySockets();
  }

  private splice(stream: IncomingStream, asked: StreamTarget): void {
    const wanted = keyOf({ host: asked.host, port: asked.port, isTls: asked.tls });
    const exposed = this.targets.find((each) => keyOf(each.target) === wanted);
    if (exposed === undefined) {
      stream.reset(ResetCode.FORBIDDEN, `this machine exposes only ${this.showTargets()}`);
      return;
    }
    const { target, verifyTls, onRequest, recorder, onFailure } = exposed;
    const { host, port, isTls } = target;
    const alpn = asked.alpn ?? 'http/1.1';
    const { secureContext } = this;
    const tls =
      isTls && secureContext !== null ? { name: host, verify: verifyTls, alpn, secureContext } : null;
    const socket = connectIngress({ host, port, tls }, (chunk) => splice.handleIngressData(chunk));
    this.sockets.set(socket, exposed);
    socket.once('close', () => this.sockets.delete(socket));
    const isWatched = onRequest !== undefined || recorder !== undefined;
    const shown = isWatched
      ? new TappedStream(stream, new Http1Watch(onRequest ?? ignore, recorder ?? null))
      : stream;
    const splice = new Splice(shown, socket, {
      connectTimeoutMs: CONNECT_TIMEOUT_MS,
      isTls,
      alpn,
      label: showTarget(target),
      onFailure,
    });
  }

  private showTargets(): string {
    const names = this.targets.toReversed().map(({ target }) => showTarget(target));
    const more = names.length - MAX_NAMED_TARGETS;
    return more > 0 ? `${names.slice(0, MAX_NAMED_TARGETS).join(', ')} and ${more} more` : names.join(', ');
  }

  private handleOpen(sessionId: string): void {
    this.wasConnected = true;
    this.hasToldLoss = false;
    this.sessionId = sessionId;
    this.options.onConnected(sessionId);
  }

  private handleClose({ code, reason }: TunnelEnd, secret: string): void {
    switch (code) {
      case GoAwayCode.KEY_REVOKED:
        if (this.options.bearer.renewAt !== undefined) {
          // Another secret may be accepted. The next attempt waits for it.
          void this.renew(secret);
          break;
        }
        this.end(
          new ClientError('not_signed_in', `Culvert no longer accepts this machine: ${reason}`, {
            hint: 'Run "culvert login", or set CULVERT_API_KEY to another key.',
          }),
        );
        return;
      case GoAwayCode.SESSION_ENDED:
        this.end(
          new ClientError('refused', `the session was ended in Culvert: ${reason}`, {
            hint: 'Ask your team who ended it, then run the command again.',
          }),
        );
        return;
      case GoAwayCode.LIMIT:
        if (!this.wasConnected) {
          this.end(
            new ClientError('conflict', `Culvert does not accept another connection: ${reason}`, {
              hint: 'End connections that you do not need. "culvert status" shows them.',
            }),
          );
          return;
        }
        break;
      default:
        break;
    }
    if (!this.tunnel.isOpen) this.tellLoss(`${goAwayName(code).toLowerCase()}: ${reason}`);
  }

  private async handleRefusal(status: number | null, reason: string, secret: string): Promise<void> {
    const { url } = this.options;
    if (status === 403) {
      this.end(
        new ClientError('refused', `${url} does not let this machine connect`, {
          hint: 'Your key or role needs the scope "tunnel". "culvert whoami" shows your scopes.',
        }),
      );
    } else if (status === 401) {
      // A credential that can be renewed succeeds at the next attempt, which follows at once.
      if (!(await this.renew(secret))) {
        this.end(
          new ClientError('not_signed_in', `${url} does not accept the API key`, {
            hint: 'Run "culvert login", or set CULVERT_API_KEY to a key that is not revoked or expired.',
          }),
        );
      }
    } else if (status === null && !this.wasConnected) {
      this.end(
        new ClientError('unreachable', `${url} cannot be reached: ${reason}`, {
          hint: 'Check the URL, and that Culvert is running.',
        }),
      );
    } else {
      this.tellLoss(reason);
    }
  }

  /** Resolves with false if the credential has no other secret. Ends the exposure if it will not get one. */
  private async renew(secret: string): Promise<boolean> {
    try {
      return await this.options.bearer.renew(secret);
    } catch (error) {
      this.handleCredentialError(error);
      return true;
    }
  }

  /** A file that cannot be read may be readable at the next attempt; a sign-in that has ended stays ended. */
  private handleCredentialError(error: unknown): void {
    const wanted = asClientError(error);
    if (!this.wasConnected || wanted.code === 'not_signed_in') this.end(wanted);
    else this.tellLoss(wanted.message);
  }

  private tellLoss(reason: string): void {
    if (this.isOver || this.hasToldLoss) return;
    this.hasToldLoss = true;
    this.options.onLost(reason);
  }

  private end(error: ClientError): void {
    if (this.isOver) return;
    this.close();
    this.options.onEnded(error);
  }

  private destroySockets(): void {
    for (const socket of this.sockets.keys()) socket.destroy();
  }
}

function ignore(): void {}

function refuseSameTargets(targets: readonly ExposureTarget[]): void {
  const keys = new Set<string>();
  for (const { target } of targets) {
    if (keys.has(keyOf(target))) {
      throw new ClientError('usage', `${showTarget(target)} is exposed twice`, {
        hint: 'Expose each target once.',
      });
    }
    keys.add(keyOf(target));
  }
}

function keyOf({ host, port, isTls }: Target): string {
  return `${isTls ? 'https' : 'http'} ${port} ${host}`;
}
