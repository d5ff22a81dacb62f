/**
 * Notices pages of webpack-dev-server that never connect for reloads. Its script in the page dials the port of the server on
 * the visitor's side, where nothing listens behind a preview, unless its settings name the port of the page.
 */
import type { SeenRequest, Target } from '@culvert/client';
import { connectIngress } from '@culvert/outbound';

/** A script that every webpack-dev-server since version 4 serves. */
const MARK_PATH = '/__webpack_dev_server__/sockjs.bundle.js';
/** Time that a page has to open its WebSocket. */
const CONNECT_MS = 5000;
const PROBE_TIMEOUT_MS = 5000;
const MAX_HEAD_BYTES = 4096;

export interface ReloadClientOptions {
  readonly target: Target;
  /** Prints a note to the person. */
  readonly note: (text: string) => void;
  readonly connectMs?: number;
}

export class ReloadClient {
  /** Whether the question is settled: a WebSocket was opened, or the note was printed. */
  private isSettled = false;
  private hasPage = false;
  private timer: NodeJS.Timeout | null = null;

  constructor(private readonly options: ReloadClientOptions) {}

  /** Handles a request that reached the target. */
  handleRequest({ method, status, upgrade }: SeenRequest): void {
    if (this.isSettled) return;
    if (upgrade !== '') {
      this.close();
    } else if (!this.hasPage && method === 'GET' && status === 200) {
      this.hasPage = true;
      this.timer = setTimeout(() => void this.look(), this.options.connectMs ?? CONNECT_MS).unref();
    }
  }

  close(): void {
    this.isSettled = true;
    if (this.timer !== null) clearTimeout(this.timer);
  }

  private async look(): Promise<void> {
    const isWebpack = await servesMark(this.options.target);
    if (this.isSettled) return;
    this.isSettled = true;
    if (!isWebpack) return;
    this.options.note(
      'Pages of webpack-dev-server do not reload here: their script dials the port of your machine. Set ' +
        "devServer.client.webSocketURL: 'auto://0.0.0.0:0/ws' in webpack.config (WDS_SOCKET_PORT=0 for Create React App).",
    );
  }
}

/** Resolves with whether the target serves the script by which webpack-dev-server is known. */
function servesMark({ host, port, isTls }: Target): Promise<boolean> {
  return new Promise((resolve) => {
    let head = '';
    const tls = isTls ? ({ name: host, verify: false, alpn: 'http/1.1' } as const) : null;
    const socket = connectIngress({ host, port, tls }, (chunk) => {
      head += chunk.toString('latin1');
      if (head.includes('\r\n\r\n') || head.length > MAX_HEAD_BYTES) settle();
    });
    const settle = (): void => {
      socket.destroy();
      resolve(/^HTTP\/1\.1 200 [^]*^content-type: *(?:application|text)\/javascript/im.test(head));
    };
    socket.unref();
    socket.setTimeout(PROBE_TIMEOUT_MS, settle);
    for (const event of ['error', 'end', 'close']) socket.once(event, settle);
    const name = host.includes(':') ? `[${host}]` : host;
    socket.write(`HEAD ${MARK_PATH} HTTP/1.1\r\nHost: ${name}:${port}\r\nConnection: close\r\n\r\n`);
  });
}
