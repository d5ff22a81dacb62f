/**
 * Exposes one target of this machine through a native tunnel. To the edge this process is a traffic manager. Its streams
 * lead to that target only, whatever the edge asks for.
 */
import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import { createSecureContext, type SecureContext } from 'node:tls';
import {
  connectIngress,
  KeptTunnel,
  Splice,
  type IngressFailure,
  type TunnelEnd,
  withUsualCertificates,
} from '@culvert/outbound';
import { GoAwayCode, goAwayName, ResetCode, type IncomingStream, type StreamTarget } from '@culvert/tunnel';
import type { Credential } from '@culvert/api-client';
import { CliError } from '../cli-error.js';
import { asCliError } from '../ending.js';
import { EXIT } from '../exit-code.js';
import { Http1Watch, type SeenRequest } from '../requests/http1-watch.js';
import { TappedStream } from '../requests/tapped-stream.js';
import { showTarget, type Target } from '../target/target.js';
import { VERSION } from '../version.js';

const CONNECT_TIMEOUT_MS = 10_000;
const MAX_NAME_LENGTH = 128;

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
  readonly target: Target;
  /** Whether a TLS target must have a valid certificate. */
  readonly verifyTls: boolean;
  /** A tunnel is open: the first, or one after a loss. */
  readonly onConnected: (sessionId: string) => void;
  /** The tunnel is lost; the exposure reconnects. @param reason for people */
  readonly onLost: (reason: string) => void;
  /** The tunnel is lost for good. */
  readonly onEnded: (error: CliError) => void;
  readonly onTargetFailure: (failure: IngressFailure) => void;
  /** Watches requests. Absent: requests are not watched. */
  readonly onRequest?: (request: SeenRequest) => void;
}

export class Exposure {
  private readonly kept: KeptTunnel;
  private readonly sockets = new Set<Socket>();
  private readonly secureContext: SecureContext | null;
  private wasConnected = false;
  /** Whether the current loss of the connection was already reported. */
  private hasToldLoss = false;
  #shownSecret = '';
  private isOver = false;

  /** Starts dialing at once. */
  constructor(private readonly options: ExposureOptions) {
    const { url, ca, bearer, managerId, name } = options;
    // Started early, because creating one takes a while.
    this.secureContext = options.target.isTls ? createSecureContext() : null;
    this.kept = new KeptTunnel({
      url: new URL(url),
      ca: withUsualCertificates(ca)?.join('\n'),
      usesProxy: true,
      connectTimeoutMs: CONNECT_TIMEOUT_MS,
      hello: {
        managerId,
        clusterId: '',
        name: name.slice(0, MAX_NAME_LENGTH),
        version: VERSION,
        instanceId: randomUUID(),
      },
      credential: async () => (this.#shownSecret = await bearer.secret()),
      onOpen: (_tunnel, { sessionId }) => {
        this.wasConnected = true;
        this.hasToldLoss = false;
        options.onConnected(sessionId);
      },
      onStream: (stream, target) => this.splice(stream, target),
      onClose: (_tunnel, end) => this.handleClose(end),
      onRefused: (status, reason) => this.handleRefusal(status, reason),
      onCredentialError: (error) => this.handleCredentialError(error),
      onGiveUp: (reason) =>
        this.end(
          new CliError(EXIT.unreachable, `${url} speaks another version of the tunnel protocol: ${reason}`, {
            hint: 'Install the culvert version that matches the server.',
          }),
        ),
      onFault: (error) => this.end(asCliError(error)),
    });
  }

  /** Lets requests in progress finish within `graceMs`. */
  async stop(graceMs: number): Promise<void> {
    this.isOver = true;
    await this.kept.stop('culvert expose is ending', graceMs);
    this.destroySockets();
  }

  close(): void {
    this.isOver = true;
    this.kept.close('culvert expose is ending');
    this.destroySockets();
  }

  private splice(stream: IncomingStream, asked: StreamTarget): void {
    const { target, verifyTls, onRequest, onTargetFailure } = this.options;
    const { host, port, isTls } = target;
    if (asked.host !== host || asked.port !== port || asked.tls !== isTls) {
      stream.reset(ResetCode.FORBIDDEN, `this machine exposes only ${showTarget(target)}`);
      return;
    }
    const alpn = asked.alpn ?? 'http/1.1';
    const { secureContext } = this;
    const tls = secureContext && { name: host, verify: verifyTls, alpn, secureContext };
    const socket = connectIngress({ host, port, tls }, (chunk) => splice.handleIngressData(chunk));
    this.sockets.add(socket);
    socket.once('close', () => this.sockets.delete(socket));
    const shown = onRequest === undefined ? stream : new TappedStream(stream, new Http1Watch(onRequest));
    const splice = new Splice(shown, socket, {
      connectTimeoutMs: CONNECT_TIMEOUT_MS,
      isTls,
      alpn,
      label: showTarget(target),
      onFailure: onTargetFailure,
    });
  }

  private handleClose({ code, reason }: TunnelEnd): void {
    switch (code) {
      case GoAwayCode.KEY_REVOKED:
        this.end(
          new CliError(EXIT.notSignedIn, `Culvert no longer accepts this machine: ${reason}`, {
            hint: 'Run "culvert login", or set CULVERT_API_KEY to another key.',
          }),
        );
        return;
      case GoAwayCode.SESSION_ENDED:
        this.end(
          new CliError(EXIT.refused, `the session was ended in Culvert: ${reason}`, {
            hint: 'Ask your team why, then run it again.',
          }),
        );
        return;
      case GoAwayCode.LIMIT:
        if (!this.wasConnected) {
          this.end(
            new CliError(EXIT.conflict, `Culvert accepts no more connections: ${reason}`, {
              hint: 'End connections that you do not need. "culvert status" shows them.',
            }),
          );
          return;
        }
        break;
      default:
        break;
    }
    if (this.kept.current === null) this.tellLoss(`${goAwayName(code).toLowerCase()}: ${reason}`);
  }

  private async handleRefusal(status: number | null, reason: string): Promise<void> {
    const { url, bearer } = this.options;
    if (status === 403) {
      this.end(
        new CliError(EXIT.refused, `${url} does not let this machine connect`, {
          hint: 'Your key or role needs the scope "tunnel". "culvert whoami" shows your scopes.',
        }),
      );
    } else if (status === 401) {
      // A credential that can be renewed succeeds at the next attempt, which follows at once.
      const isRenewed = await bearer.renew(this.#shownSecret).catch((error: unknown) => {
        this.end(asCliError(error));
        return true;
      });
      if (!isRenewed) {
        this.end(
          new CliError(EXIT.notSignedIn, `${url} does not accept the API key`, {
            hint: 'Run "culvert login", or set CULVERT_API_KEY to a key that is not revoked or expired.',
          }),
        );
      }
    } else if (status === null && !this.wasConnected) {
      this.end(
        new CliError(EXIT.unreachable, `${url} cannot be reached: ${reason}`, {
          hint: 'Check the URL, and that Culvert is running.',
        }),
      );
    } else {
      this.tellLoss(reason);
    }
  }

  /** A file that cannot be read may be readable at the next attempt; a sign-in that has ended stays ended. */
  private handleCredentialError(error: unknown): void {
    const wanted = asCliError(error);
    if (!this.wasConnected || wanted.exitCode === EXIT.notSignedIn) this.end(wanted);
    else this.tellLoss(wanted.message);
  }

  private tellLoss(reason: string): void {
    if (this.isOver || this.hasToldLoss) return;
    this.hasToldLoss = true;
    this.options.onLost(reason);
  }

  private end(error: CliError): void {
    if (this.isOver) return;
    this.close();
    this.options.onEnded(error);
  }

  private destroySockets(): void {
    for (const socket of this.sockets) socket.destroy();
  }
}
