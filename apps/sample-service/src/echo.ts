import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type WebSocket } from 'ws';

const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;
const MAX_CLIENTS = 5000;
/** Pending echoes after which a slow reader's messages are no longer read. */
const MAX_WAITING_BYTES = 1024 * 1024;
const GOODBYE_MS = 1000;
const CLOSE_COMMAND = /^close (\d{4})(?: (.{0,100}))?$/;

/**
 * A WebSocket that echoes every message, text or binary. The text `close <code> <reason>` makes the service close with that
 * code. The subprotocol `echo` is accepted if offered.
 */
export class Echo {
  private readonly server = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_MESSAGE_BYTES,
    perMessageDeflate: false,
    handleProtocols: (offered) => (offered.has('echo') ? 'echo' : false),
  });

  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    if (this.server.clients.size >= MAX_CLIENTS) {
      socket.end('HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\ncontent-length: 0\r\n\r\n');
      return;
    }
    this.server.handleUpgrade(request, socket, head, serve);
  }

  /** Closes every client with 1001 (going away), and terminates those that do not answer. */
  close(): void {
    for (const client of this.server.clients) {
      client.close(1001, 'the service is stopping');
      setTimeout(() => client.terminate(), GOODBYE_MS).unref();
    }
    this.server.close();
  }
}

function serve(client: WebSocket): void {
  // An error is followed by `close`; the protocol error itself was answered by `ws`.
  client.on('error', () => client.terminate());
  client.on('message', (data: Buffer, isBinary) => {
    const command = isBinary ? null : CLOSE_COMMAND.exec(data.toString('utf8'));
    if (command && isSendable(Number(command[1]))) {
      client.close(Number(command[1]), command[2] ?? '');
      return;
    }
    client.send(data, { binary: isBinary }, () => {
      if (client.bufferedAmount <= MAX_WAITING_BYTES) client.resume();
    });
    if (client.bufferedAmount > MAX_WAITING_BYTES) client.pause();
  });
}

/** The codes that RFC 6455 §7.4 allows an endpoint to send. */
function isSendable(code: number): boolean {
  return (
    (code >= 1000 && code <= 1014 && ![1004, 1005, 1006].includes(code)) || (code >= 3000 && code <= 4999)
  );
}
