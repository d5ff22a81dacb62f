/** The in-cluster side of a traffic manager: accepts the tunnels of agents and clients (docs/cluster.md). */
import { once } from 'node:events';
import {
  createServer,
  STATUS_CODES,
  type IncomingMessage,
  type RequestListener,
  type Server,
} from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { CLUSTER_PATH } from '@culvert/meeting-point';
import {
  certificateExpiry,
  type CertificateFiles,
  CertificateWatch,
  readCertificate,
} from '@culvert/runtime';
import { plainAddress } from '@culvert/sockets';
import { GoAwayCode, WEBSOCKET_OPTIONS, WebSocketCarrier } from '@culvert/tunnel';
import type { Logger } from 'pino';
import { WebSocketServer } from 'ws';
import { VERSION } from '../version.js';
import { Attendant, type AttendantHost } from './attendant.js';
import { bearerOf, type Authenticator } from './authenticator.js';
import { CredentialChecks } from './credential-checks.js';
import type { Registry } from './registry.js';

/** Limit of tunnels, of agents and clients together. */
const MAX_TUNNELS = 2000;

/** Limit of upgrades whose credential is being judged. */
const MAX_PENDING = 100;

/** Limit for a TLS handshake, and for a request to become an upgrade: dialers send it at once. */
const HEAD_TIMEOUT_MS = 10_000;

export interface MeetingPointOptions {
  readonly port: number;
  /** Null: plain text. */
  readonly tls: CertificateFiles | null;
  readonly authenticator: Authenticator;
  readonly registry: Registry;
  readonly culvertUrl: string;
  /** Culvert's id of the traffic manager, or empty. */
  readonly trafficManagerId: () => string;
  /** Milliseconds between checks of the credentials of open tunnels. Default: 7 s. */
  readonly credentialCheckMs?: number;
}

export class MeetingPoint {
  private readonly server: Server;
  private watch: CertificateWatch | null = null;
  private readonly host: AttendantHost;
  private readonly webSockets = new WebSocketServer({ noServer: true, ...WEBSOCKET_OPTIONS });
  private readonly attendants = new Set<Attendant>();
  private readonly checks: CredentialChecks;
  private pending = 0;
  private isStopping = false;
  private whenEmpty: (() => void) | null = null;

  constructor(
    private readonly options: MeetingPointOptions,
    private readonly log: Logger,
  ) {
    const { authenticator, credentialCheckMs } = options;
    this.checks = new CredentialChecks(authenticator, this.attendants, log, credentialCheckMs);
    this.host = {
      registry: options.registry,
      log,
      welcome: () => ({
        culvertUrl: options.culvertUrl,
        trafficManagerId: options.trafficManagerId(),
        version: VERSION,
      }),
      admit: (attendant) => this.supersede(attendant),
      leave: (attendant) => {
        this.attendants.delete(attendant);
        if (this.attendants.size === 0) this.whenEmpty?.();
      },
      checkCredential: (attendant) => this.checks.check(attendant),
      replaceCredential: (attendant, credential) => this.checks.replace(attendant, credential),
    };
    this.server =
      options.tls === null
        ? createServer({ headersTimeout: HEAD_TIMEOUT_MS }, answerNothing)
        : this.createTlsServer(options.tls);
    this.server.on('upgrade', (request, socket, head) => void this.upgrade(request, socket as Socket, head));
  }

  /** Resolves with the port that it listens on; rejects if it cannot listen. */
  async listen(): Promise<number> {
    this.server.listen(this.options.port);
    await once(this.server, 'listening');
    const { port } = this.server.address() as AddressInfo;
    this.log.info({ tls: this.watch !== null, port }, 'meeting point listens');
    return port;
  }

  /** Numbers for metrics. */
  get figures(): { agents: number; clients: number; certificateExpiry: number | null } {
    const dialers = [...this.attendants];
    return {
      agents: dialers.filter(({ kind }) => kind === 'agent').length,
      clients: dialers.filter(({ kind }) => kind === 'client').length,
      certificateExpiry: this.watch === null ? null : certificateExpiry(this.watch.current.cert),
    };
  }

  /** Asks all dialers to leave, and lets requests in progress finish within `graceMs`. */
  async stop(graceMs: number): Promise<void> {
    this.isStopping = true;
    this.watch?.stop();
    this.options.registry.close();
    this.server.close();
    for (const { tunnel } of this.attendants)
      tunnel.goAway(GoAwayCode.SHUTTING_DOWN, 'the traffic manager is stopping', { graceMs });
    if (this.attendants.size > 0) await new Promise<void>((resolve) => (this.whenEmpty = resolve));
    this.checks.stop();
    this.server.closeAllConnections();
  }

  /** Closes all tunnels at once. */
  close(): void {
    this.isStopping = true;
    this.watch?.stop();
    this.checks.stop();
    this.options.registry.close();
    this.server.close();
    for (const { tunnel } of this.attendants)
      tunnel.close(GoAwayCode.SHUTTING_DOWN, 'the traffic manager is stopping');
    this.server.closeAllConnections();
  }

  /** Throws ConfigurationError if the files cannot be used. */
  private createTlsServer(files: CertificateFiles): TlsServer {
    const certificate = readCertificate(files);
    const server = createTlsServer(
      { ...certificate, handshakeTimeout: HEAD_TIMEOUT_MS, headersTimeout: HEAD_TIMEOUT_MS },
      answerNothing,
    );
    this.watch = new CertificateWatch(files, certificate, {
      // Open tunnels keep the certificate that they began with.
      onChange: (changed) => {
        server.setSecureContext(changed);
        this.log.info('the certificate of the cluster port has changed');
      },
      onProblem: (error) =>
        this.log.error(
          { err: error },
          'cannot use the new certificate of the cluster port; keeping the old one',
        ),
    });
    return server;
  }

  private async upgrade(request: IncomingMessage, socket: Socket, head: Buffer): Promise<void> {
    socket.on('error', () => socket.destroy());
    const status = await this.judge(request);
    if (socket.destroyed) return;
    if (status === 101) {
      this.webSockets.handleUpgrade(request, socket, head, (webSocket) => {
        socket.setNoDelay(true);
        const address = plainAddress(socket.remoteAddress);
        const credential = bearerOf(request.headers.authorization)!;
        this.attendants.add(new Attendant(new WebSocketCarrier(webSocket), this.host, credential, address));
      });
      return;
    }
    this.log[status === 404 || status === 503 ? 'info' : 'warn'](
      { address: plainAddress(socket.remoteAddress), status },
      'refused a tunnel',
    );
    socket.end(
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\ncontent-length: 0\r\nconnection: close\r\n` +
        `${status === 401 ? 'www-authenticate: Bearer realm="culvert"\r\n' : ''}\r\n`,
    );
  }

  private async judge(request: IncomingMessage): Promise<number> {
    if (request.url !== CLUSTER_PATH) return 404;
    if (this.isStopping || this.attendants.size >= MAX_TUNNELS || this.pending >= MAX_PENDING) return 503;
    this.pending++;
    try {
      return await this.options.authenticator.judge(request.headers.authorization);
    } catch (error) {
      this.log.error({ err: error }, 'cannot check a credential');
      return 503;
    } finally {
      this.pending--;
    }
  }

  /** A process has one tunnel: an older one is half dead. */
  private supersede(newcomer: Attendant): void {
    for (const other of this.attendants) {
      if (other === newcomer || other.hello === null) continue;
      const isSame =
        other.hello.managerId === newcomer.hello!.managerId &&
        other.hello.instanceId === newcomer.hello!.instanceId;
      if (isSame) other.tunnel.goAway(GoAwayCode.SUPERSEDED, 'a newer tunnel of this process took over');
    }
    if (this.isStopping) newcomer.tunnel.goAway(GoAwayCode.SHUTTING_DOWN, 'the traffic manager is stopping');
  }
}

const answerNothing: RequestListener = (_request, response) => {
  response.writeHead(404, { 'content-type': 'text/plain; charset=utf-8' });
  response.end(`Traffic agents and clients connect here: a WebSocket at ${CLUSTER_PATH}.\n`);
};
