/**
 * A Telepresence traffic manager as seen by the cloud: gRPC over TLS towards the cloud, and a gRPC server on the bytes that
 * the cloud sends back. Versions and faults are options. It tests Culvert and is not part of it.
 */
import { randomUUID } from 'node:crypto';
import { Deferred } from '../deferred.js';
import { type Behaviour, behaviourOf, type Faults } from './behaviour.js';
import { type CallEnd, type CallHeaders, type CloudCall, CloudClient } from './cloud-client.js';
import { InnerServer } from './inner-server.js';
import {
  type DoubleIntercept,
  type DoublePreviewSpec,
  InterceptTable,
  type NewIntercept,
} from './intercept-table.js';
import { type ChunkSink, ReversedStream } from './reversed-stream.js';
import { decodeMessage, encodeBytes, encodeMessage, type Message } from './schema.js';

const REVERSE_CONNECTION = '/telepresence.systema.SystemAProxy/ReverseConnection';
const CRUD = '/telepresence.systema.SystemACRUD';
const MAX_BACKOFF_MS = 5000;

export interface ManagerDoubleOptions {
  /** Address of the cloud: the values of `SYSTEMA_HOST` and `SYSTEMA_PORT`. */
  readonly host: string;
  readonly port: number;
  /** PEM: the authority of the cloud's certificate. */
  readonly ca: string;
  /** The key of a connected client; or its access token, for versions that send one. Null: no one is logged in. */
  readonly apiKey: string | null;
  /** Default: v2.14.0. */
  readonly version?: string;
  /** The process's id. Default: a new one. */
  readonly managerId?: string;
  readonly faults?: Faults;
  readonly behaviour?: Partial<Behaviour>;
  /** The address to dial when `host` does not resolve here. */
  readonly address?: string;
}

/** One ReverseConnection call. */
export class DoubleConnection implements ChunkSink {
  readonly server: InnerServer;
  /** How the call ended, as seen by the manager. */
  readonly ended = new Deferred<CallEnd>();
  /** The cloud has sent something. */
  readonly established = new Deferred();
  private readonly transport: ReversedStream;
  private readonly call: CloudCall;
  private isOver = false;

  constructor(client: CloudClient, headers: CallHeaders, manager: TrafficManagerDouble, faults: Faults) {
    const { behaviour, table } = manager;
    this.server = new InnerServer(table, behaviour, faults, manager);
    this.transport = new ReversedStream(this, behaviour, faults, () => this.server.serve(this.transport));
    this.call = client.open(REVERSE_CONNECTION, headers, {
      onMessage: (message) => {
        this.established.resolve();
        this.transport.receiveChunk(decodeMessage('Chunk', message)['content'] as Buffer);
      },
      onEnd: (end) => {
        this.isOver = true;
        this.ended.resolve(end);
        this.server.close();
        this.transport.destroy();
      },
    });
    if (faults.garbage) this.sendChunk([faults.garbage], () => undefined);
  }

  sendChunk(content: readonly Buffer[], done: () => void): void {
    if (!this.isOver) this.call.send(encodeBytes(1, content), done);
  }

  onServerClosed(): void {
    this.halfClose();
  }

  /** Acts as after a fault of the inner HTTP/2: the manager waits for the cloud to end the call. */
  halfClose(): void {
    if (!this.isOver) this.call.end();
  }

  cancel(): void {
    this.call.cancel();
  }
}

export class TrafficManagerDouble {
  readonly table = new InterceptTable();
  readonly behaviour: Behaviour;
  readonly version: string;
  /** Changes with every restart of the process. */
  managerId: string;
  apiKey: string | null;
  /** The reason the process died, and calls that a cloud must not make. */
  readonly mistakes: string[] = [];
  /** All reverse connections, oldest first. */
  readonly connections: DoubleConnection[] = [];
  private client: CloudClient;
  private readonly faults: Faults;
  private isWanted = false;
  private isStopped = false;
  private backoffMs = 5;
  private redialTimer: NodeJS.Timeout | null = null;
  private arrival = new Deferred<DoubleConnection>();

  constructor(private readonly options: ManagerDoubleOptions) {
    this.version = options.version ?? 'v2.14.0';
    this.behaviour = { ...behaviourOf(this.version), ...options.behaviour };
    this.faults = options.faults ?? {};
    this.managerId = options.managerId ?? randomUUID();
    this.apiKey = options.apiKey;
    this.client = this.dial();
  }

  /** Number of PINGs that measure the bandwidth, on the current connection to the cloud. */
  get pings(): number {
    return this.client.pings;
  }

  /** The newest reverse connection, if there was one. */
  get connection(): DoubleConnection | undefined {
    return this.connections.at(-1);
  }

  // --- What clients of the cluster do ---------------------------------------------------------------------

  /** Creates a client's intercept, without a preview. */
  addIntercept(intercept: NewIntercept): DoubleIntercept {
    return this.table.add(intercept);
  }

  /** `telepresence preview create`: the domain. Rejects with the cloud's status. */
  async createPreview(interceptId: string, spec: DoublePreviewSpec): Promise<string> {
    const intercept = this.table.get(interceptId);
    if (intercept === undefined) throw new Error(`no intercept ${interceptId}`);
    if (intercept.previewDomain !== '') return intercept.previewDomain;
    this.connect();
    const { ingress, displayBanner = true, pullRequestUrl = '', addRequestHeaders = {} } = spec;
    const { domain } = await this.unary(
      `${CRUD}/CreateDomain`,
      ['CreateDomainRequest', 'CreateDomainResponse'],
      {
        interceptId,
        displayBanner,
        interceptSpec: intercept.spec,
        host: ingress.l5host ?? ingress.host,
        pullRequestUrl,
        addRequestHeaders,
      },
    );
    intercept.previewDomain = domain as string;
    intercept.previewSpec = spec;
    this.table.changed();
    return domain as string;
  }

  /** `telepresence preview remove`. */
  async removePreview(interceptId: string): Promise<void> {
    const intercept = this.table.get(interceptId);
    const domain = intercept?.previewDomain ?? '';
    if (intercept === undefined || domain === '') return;
    intercept.previewDomain = '';
    this.table.changed();
    await this.removeDomain(domain);
  }

  /** `telepresence leave`. From 2.6.3 no one gets an answer of the manager until the cloud has answered. */
  async removeIntercept(interceptId: string): Promise<void> {
    const intercept = this.table.get(interceptId);
    if (intercept === undefined) return;
    const { previewDomain } = intercept;
    const tell = async (): Promise<void> => {
      if (previewDomain !== '') await this.removeDomain(previewDomain);
      if (this.behaviour.removesIntercepts) {
        await this.unary(`${CRUD}/RemoveIntercept`, ['InterceptRemoval', 'Empty'], { interceptId });
      }
    };
    const told = this.behaviour.locksWhileRemoving ? this.table.locked(tell) : tell();
    this.table.delete(interceptId);
    await told;
  }

  // --- Calls to the cloud ---------------------------------------------------------------------------------

  async removeDomain(domain: string): Promise<void> {
    await this.unary(`${CRUD}/RemoveDomain`, ['RemoveDomainRequest', 'Empty'], { domain });
  }

  /** Requests the image that agents should run. */
  async preferredAgent(): Promise<string> {
    const request = { apiVersion: 3, version: this.version };
    const headers = this.behaviour.asksAnonymously ? {} : undefined;
    const types = ['VersionInfo', 'PreferredAgentResponse'] as const;
    return (await this.unary(`${CRUD}/PreferredAgent`, types, request, headers))['imageName'] as string;
  }

  /** Makes the request that the CLI sends without credentials. */
  async commandMessage(): Promise<string> {
    const path = '/telepresence.systema.SystemACli/GetUnauthenticatedCommandMessages';
    const response = await this.unary(path, ['Empty', 'CommandMessageResponse'], {}, {});
    return response['intercept'] as string;
  }

  /** Makes the request that the user daemon of 2.5 to 2.8 sends before it creates a preview. */
  resolveIngress(request: Message): Promise<Message> {
    const headers: CallHeaders = this.apiKey === null ? {} : { 'x-ambassador-api-key': this.apiKey };
    const path = '/telepresence.userdaemon.SystemA/ResolveIngressInfo';
    return this.unary(path, ['IngressInfoRequest', 'IngressInfo'], request, headers);
  }

  /**
   * Makes any call with one response. Rejects with CallFailure.
   * @param types the names of its messages
   */
  async unary(
    path: string,
    types: readonly [request: string, response: string],
    request: Message,
    headers: CallHeaders = this.credentials(),
  ): Promise<Message> {
    const timeoutMs = path.endsWith('/CreateDomain') ? this.behaviour.createTimeoutMs : null;
    const answer = await this.client.unary(path, headers, encodeMessage(types[0], request), timeoutMs);
    return decodeMessage(types[1], answer);
  }

  // --- The reverse connection -----------------------------------------------------------------------------

  /** Keeps a reverse connection from now on, as with the first preview. */
  connect(): void {
    if (this.isWanted || this.isStopped) return;
    this.isWanted = true;
    for (let i = 0; i < (this.faults.connections ?? 1); i++) this.openConnection();
  }

  /** Resolves with the next connection that the cloud sends on; the present one if it did. */
  async connected(): Promise<DoubleConnection> {
    const current = this.connection ?? (await this.arrival.promise);
    await current.established.promise;
    return current;
  }

  /** Resolves with the first connection opened from now on, once the cloud sends on it. */
  async reconnected(): Promise<DoubleConnection> {
    this.arrival = new Deferred();
    const next = await this.arrival.promise;
    await next.established.promise;
    return next;
  }

  /** Loses the network: every call and connection breaks, and the manager dials again. */
  breakNetwork(): void {
    this.client.close();
    for (const connection of this.connections) connection.cancel();
    this.client = this.dial();
  }

  /** Kills the process and starts it again: a new id, empty state, no intercepts. */
  restart(): void {
    this.disconnect();
    this.table.clear();
    this.managerId = randomUUID();
    this.client = this.dial();
  }

  /** Drops the reverse connection on purpose, as with the last preview. */
  disconnect(): void {
    this.isWanted = false;
    if (this.redialTimer) clearTimeout(this.redialTimer);
    for (const connection of this.connections) connection.cancel();
    this.client.close();
  }

  stop(): void {
    this.isStopped = true;
    this.disconnect();
  }

  // --- From the inner server ------------------------------------------------------------------------------

  crash(reason: string): void {
    this.mistakes.push(reason);
    this.stop();
  }

  noteCall(path: string): void {
    this.mistakes.push(path);
  }

  private openConnection(): void {
    const connection = new DoubleConnection(this.client, this.credentials(), this, this.faults);
    this.connections.push(connection);
    this.arrival.resolve(connection);
    void connection.ended.promise.then(() => this.redial());
  }

  /** The delay never decreases after a success. */
  private redial(): void {
    if (!this.isWanted || this.isStopped) return;
    const delayMs = this.faults.redialStorm ? 0 : this.backoffMs;
    this.backoffMs = Math.min(this.backoffMs * 2, MAX_BACKOFF_MS);
    this.redialTimer = setTimeout(() => {
      if (this.isWanted && !this.isStopped) this.openConnection();
    }, delayMs);
  }

  private credentials(): CallHeaders {
    const manager = { 'x-telepresence-managerid': this.managerId };
    if (this.apiKey === null) return manager;
    return this.behaviour.usesBearer
      ? { ...manager, authorization: `Bearer ${this.apiKey}` }
      : { ...manager, 'x-ambassador-api-key': this.apiKey };
  }

  private dial(): CloudClient {
    const { host, port, ca, address = host } = this.options;
    return new CloudClient({ host, port, ca, address });
  }
}
