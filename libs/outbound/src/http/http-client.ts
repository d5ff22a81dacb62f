import type { HttpRequest, HttpResponse } from './http-message.js';
import type { HttpClientOptions } from './http-options.js';
import type { Sender } from './sender.js';

/**
 * HTTP to other servers: HTTP/2 where the server offers it by ALPN, HTTP/1.1 elsewhere, through the proxy of the environment.
 * Connections are kept and shared by the requests of one client; idle ones do not hold the process.
 */
export class HttpClient {
  private sender: Promise<Sender> | null = null;

  constructor(private readonly options: HttpClientOptions) {}

  /** Resolves with a whole response of any status. Rejects with an HttpError, or with the reason of the request's signal. */
  async send(request: HttpRequest): Promise<HttpResponse> {
    this.sender ??= this.load();
    return (await this.sender).send(request);
  }

  /** Closes all connections. Requests under way reject. */
  close(): void {
    void this.sender?.then((sender) => sender.close());
  }

  /** Node's HTTP takes longer to load than many a command takes, and most of those send nothing. */
  private async load(): Promise<Sender> {
    const { Sender } = await import('./sender.js');
    return new Sender(this.options);
  }
}
