/**
 * One target of this machine, shown through a native tunnel: to the edge this process is a traffic manager, whose streams
 * lead to that target and nowhere else, whatever the edge asks for.
 */
import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import { createSecureContext, type SecureContext } from 'node:tls';
import { connectIngress, KeptTunnel, Splice, type IngressFailure, type TunnelEnd } from '@culvert/outbound';
import { GoAwayCode, goAwayName, ResetCode, type IncomingStream, type StreamTarget } from '@culvert/tunnel';
import type { Credential } from '@culvert/api-client';
import { CliError } from '../cli-error.js';
import { asCliError } from '../ending.js';
import { EXIT } from '../exit-code.js';
import { trusted } from '../http.js';
import { Http1Watch, type SeenRequest } from '../requests/http1-watch.js';
import { TappedStream } from '../requests/tapped-stream.js';
import { showTarget, type Target } from '../target/target.js';
import { VERSION } from '../version.js';

const CONNECT_TIMEOUT_MS = 10_000;
const MAX_NAME_LENGTH = 128;

export interface ExposureOptions {
  /** Address of Culvert. */
  readonly url: string;
  /** PEM certificates to trust at Culvert beside the usual ones. */
  readonly ca: string | undefined;
  readonly bearer: Credential;
  /** Who this is, the same at every run. */
  readonly managerId: string;
  /** What people call it. */
  readonly name: string;
  readonly target: Target;
  /** Whether a TLS target's certificate has to be valid. */
  readonly verifyTls: boolean;
  /** A tunnel is open: the first, or one after a loss. */
  readonly onConnected: (sessionId: string) => void;
  /** There is no tunnel now. Others are tried. @param reason for people */
  readonly onLost: (reason: string) => void;
  /** There never will be one again. */
  readonly onEnded: (error: CliError) => void;
  readonly onTargetFailure: (failure: IngressFailure) => void;
  /** Absent: requests are not looked at. */
  readonly onRequest?: (request: SeenRequest) => void;
}

export class Exposure {
  private readonly kept: KeptTunnel;
  private readonly sockets = new Set<Socket>();
  private readonly secureContext: SecureContext | null;
  private wasConnected = false;
  /** Said once for each time that the connection is lost. */
  private hasToldLoss = false;
  #shownSecret = '';
  private isOver = false;

  /** Dials at once. */
  constructor(private readonly options: ExposureOptions) {
    const { url, ca, bearer, managerId, name } = options;
    // It takes a while to make one.
    this.secureContext = options.target.isTls ? createSecureContext() : null;
    this.kept = new KeptTunnel({
      url: new URL(url),
      ca: trusted(ca)?.join('\n'),
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
          new CliError(EXIT.unreachable, `${url} speaks another version of the tunnel: ${reason}`, {
            hint: 'Use the culvert of the same version as the server.',
          }),
        ),
      onFault: (error) => this.end(asCliError(error)),
    });
  }

  /** Lets requests under way finish within `graceMs`. */
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
      stream.reset(ResetCode.FORBIDDEN, `this machine exposes ${showTarget(target)} and nothing else`);
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
          new CliError(EXIT.notSignedIn, `Culvert does not let this machine in any more: ${reason}`, {
            hint: 'Run "culvert login", or set CULVERT_API_KEY to another key.',
          }),
        );
        return;
      case GoAwayCode.SESSION_ENDED:
        this.end(
          new CliError(EXIT.refused, `somebody ended this in Culvert: ${reason}`, {
            hint: 'Ask your team, then run it again.',
          }),
        );
        return;
      case GoAwayCode.LIMIT:
        if (!this.wasConnected) {
          this.end(
            new CliError(EXIT.conflict, `Culvert takes no more connections: ${reason}`, {
              hint: 'End some that are not needed; "culvert status" shows them.',
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
          hint: 'The key or role needs the scope "tunnel"; "culvert whoami" shows yours.',
        }),
      );
    } else if (status === 401) {
      // Whoever can renew it is let in at the next attempt, which follows at once.
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
          hint: 'Look whether the address is right and Culvert is running.',
        }),
      );
    } else {
      this.tellLoss(reason);
    }
  }

  /** A file that cannot be read may be there again at the next attempt; a sign-in that has ended will not. */
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
