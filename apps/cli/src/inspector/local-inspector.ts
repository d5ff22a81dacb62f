/** The local inspector of one process: what it has recorded, and the page that shows it. */
import type { RequestRecorder } from '@culvert/client';
import { CliError } from '../cli-error.js';
import { EXIT } from '../exit-code.js';
import type { Output } from '../output/output.js';
import type { InspectedEndpoint } from './inspected-endpoint.js';
import { InspectorServer } from './inspector-server.js';
import { LocalExchanges } from './local-exchanges.js';

export interface LocalInspectorOptions {
  readonly output: Output;
  /** The port to use; undefined: 4040, or the next free one. */
  readonly port: number | undefined;
  readonly endpoints: () => readonly InspectedEndpoint[];
}

export class LocalInspector {
  private readonly exchanges = new LocalExchanges();
  private readonly server: InspectorServer;
  private hasStarted = false;

  constructor(private readonly options: LocalInspectorOptions) {
    this.server = new InspectorServer({
      exchanges: this.exchanges,
      endpoints: options.endpoints,
      onFault: (error) => options.output.error(`the inspector cannot respond: ${String(error)}`),
    });
  }

  /** Returns what records the requests of an endpoint. */
  recorderOf(endpoint: InspectedEndpoint): RequestRecorder {
    return this.exchanges.recorderOf(endpoint);
  }

  /** Serves the page. Resolves with its URL; null if no port is free. @throws CliError if a given port is not free */
  async start(): Promise<string | null> {
    const { output, port } = this.options;
    const url = await this.server.listen(port);
    if (url === null && port !== undefined) {
      throw new CliError(EXIT.conflict, `--inspector-port: port ${port} is not free`, {
        hint: 'Choose another port, or leave the flag out for the next free one.',
      });
    }
    this.hasStarted = url !== null;
    if (url === null) output.note('No port is free for the inspector, so this runs without it.');
    else output.note(`Inspector: ${url}`);
    return url;
  }

  async close(): Promise<void> {
    if (this.hasStarted) await this.server.close();
    this.exchanges.close();
  }
}
