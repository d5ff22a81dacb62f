import http from 'node:http';

/**
 * Requests over kept connections, repeated the way browsers do it: if the connection ended before the first byte of the
 * response.
 */
export class PersistentClient {
  /** Number of repeated requests. */
  retries = 0;
  private readonly agent: http.Agent;

  constructor(
    private readonly port: number,
    private readonly hostname: string,
    connections: number,
  ) {
    this.agent = new http.Agent({ keepAlive: true, maxSockets: connections });
  }

  /** Rejects if the response broke off, or nothing answered `attempts` times. */
  async send(method: string, target: string, body: string, attempts = 20): Promise<Answer> {
    for (let attempt = 1; ; attempt++) {
      const outcome = await this.attempt(method, target, body);
      if (!('unanswered' in outcome)) return outcome;
      if (attempt === attempts) throw outcome.unanswered;
      this.retries++;
      // A refused connection fails at once: its replacement process may still be starting.
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }

  stop(): void {
    this.agent.destroy();
  }

  private attempt(method: string, target: string, body: string): Promise<Answer | { unanswered: Error }> {
    return new Promise((resolve, reject) => {
      let bytesBefore = 0;
      let isAnswered = false;
      const request = http.request({
        port: this.port,
        host: '127.0.0.1',
        agent: this.agent,
        method,
        path: target,
        headers: { host: this.hostname, 'content-length': Buffer.byteLength(body) },
      });
      request.on('socket', (socket) => (bytesBefore = socket.bytesRead));
      request.on('response', (response) => {
        isAnswered = true;
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        response.on('end', () => resolve({ status: response.statusCode!, body: text }));
        response.on('error', reject);
      });
      request.on('error', (error) => {
        const isUnanswered = (request.socket?.bytesRead ?? 0) === bytesBefore;
        if (isUnanswered && !isAnswered) resolve({ unanswered: error });
        else reject(error);
      });
      request.end(body);
    });
  }
}

export interface Answer {
  readonly status: number;
  readonly body: string;
}
