/**
 * The pod daemon: intercepts a workload for the application in its own pod, keeps a preview of it, and removes both when it
 * is stopped. It signs in with an API key, and waits for whatever is not ready yet.
 */
import type { Server } from 'node:http';
import { connect } from 'node:net';
import { isSettableHeader } from '@culvert/contract';
import { MeetingClient, MeetingError, type InterceptDraft, type InterceptInfo } from '@culvert/meeting-point';
import { Backoff, type HttpClient } from '@culvert/outbound';
import { metricsPages } from '@culvert/metrics';
import { startProgramPorts } from '@culvert/runtime';
import { DEFAULT_SETTINGS, goAwayName } from '@culvert/tunnel';
import type { Logger } from 'pino';
import {
  createCulvertApi,
  createHttpClient,
  CulvertApiError,
  type CulvertApi,
  type CulvertPreview,
  unlessGone,
} from '../culvert/culvert-api.js';
import { VERSION } from '../version.js';
import type { PodDaemonOptions, PreviewOptions } from './command.js';

/** A running pod daemon. */
export interface PodDaemon {
  /** Resolves when it has ended: null after `stop`, else why it gave up. */
  readonly ended: Promise<string | null>;
  /** Removes what it created, lets requests in progress finish for a moment, then ends. Never rejects. */
  stop(): Promise<void>;
}

/**
 * Starts at once; never throws later.
 * @param print receives the lines that people look for in the log, each on a line of its own
 */
export function startPodDaemon(
  options: PodDaemonOptions,
  log: Logger,
  print: (line: string) => void,
): PodDaemon {
  return new Daemon(options, log, print);
}

/** Interval between checks that the application answers, or that the headers of a conflict are free. */
const LOOK_MS = 500;
const CONFLICT_MS = 5000;

/** Time for removing, and for requests in progress: Kubernetes gives a pod 30 s. */
const REMOVE_TIMEOUT_MS = 5000;
const DRAIN_MS = 2000;
/** How long `stop` may take, on a busy machine. */
export const STOP_GRACE_MS = REMOVE_TIMEOUT_MS + DRAIN_MS + 5000;

/** All that a pod daemon has is 0.1 CPU and 100 MiB. */
const MAX_STREAMS = 256;

/** The minimum for this many streams, plus 2 MiB for those that carry much: the traffic manager is near. */
const RECEIVE_BUDGET_BYTES = MAX_STREAMS * DEFAULT_SETTINGS.windowBytes + 2 * 1024 * 1024;

class Daemon implements PodDaemon {
  readonly ended: Promise<string | null>;
  private markEnded!: (reason: string | null) => void;
  private readonly aborter = new AbortController();
  private readonly draft: InterceptDraft;
  private readonly admin: readonly Server[];
  /** For calls of Culvert's API. */
  private readonly http: HttpClient;
  private client: MeetingClient | null = null;
  private intercept: InterceptInfo | null = null;
  private lastState = '';
  /** Known once first connected. */
  private culvertUrl: URL | null = null;
  private preview: CulvertPreview | null = null;
  /** Culvert's id of the intercept whose preview was printed since the last connection. */
  private toldFor: string | null = null;
  private isPreviewing = false;
  private stopping: Promise<void> | null = null;

  constructor(
    private readonly options: PodDaemonOptions,
    private readonly log: Logger,
    private readonly print: (line: string) => void,
  ) {
    this.ended = new Promise((resolve) => {
      this.markEnded = resolve;
    });
    const { workload, namespace, kind, headers, port, ca } = options;
    this.draft = {
      name: workload,
      workload,
      namespace,
      kind,
      port: '',
      headers: [...headers],
      targetHost: '127.0.0.1',
      targetPort: port,
    };
    this.http = createHttpClient({ ca });
    const metrics = metricsPages({ program: 'pod-daemon', version: VERSION }, (registry) => {
      registry.value('culvert_daemon_connected', () => Number(this.client?.isConnected === true));
      registry.value('culvert_daemon_intercepting', () => Number(this.intercept?.disposition === 'ACTIVE'));
      registry.value('culvert_daemon_preview', () => Number(this.preview !== null));
    });
    // The application of the pod may use the port, and matters more.
    this.admin = startProgramPorts(options, { isReady: () => this.isReady, metrics }, (error, variable) =>
      log.error({ err: error, variable }, 'health or metrics are not available'),
    );
    void this.run().catch((error: unknown) => this.quit((error as Error).message));
  }

  stop(): Promise<void> {
    this.stopping ??= this.shutDown();
    return this.stopping;
  }

  private get isReady(): boolean {
    return this.stopping === null && this.intercept !== null && this.client?.isConnected === true;
  }

  private async run(): Promise<void> {
    await this.untilApplicationAnswers();
    if (this.isStopping) return;
    this.client = this.connect();
    await this.client.whenConnected();
    await this.create();
  }

  private async untilApplicationAnswers(): Promise<void> {
    const { port } = this.options;
    for (let attempt = 0; !this.isStopping; attempt++) {
      if (await answers(port)) return this.log.info({ port }, 'the application answers');
      if (attempt === 0) this.log.info({ port }, 'waiting for the application to answer');
      await this.pause(LOOK_MS);
    }
  }

  private connect(): MeetingClient {
    const { managerUrl, managerCa, credential, clientId, clientName } = this.options;
    const { log } = this;
    const manager = managerUrl.origin;
    return new MeetingClient({
      url: managerUrl,
      ca: managerCa,
      credential,
      id: clientId,
      name: clientName,
      version: VERSION,
      settings: { maxStreams: MAX_STREAMS, receiveBudgetBytes: RECEIVE_BUDGET_BYTES },
      onWelcome: ({ culvertUrl }) => {
        this.toldFor = null;
        this.culvertUrl = this.options.culvertUrl ?? new URL(culvertUrl);
        log.info({ manager, culvertUrl }, 'Connected to traffic manager');
      },
      onIntercept: (intercept) => this.handleIntercept(intercept),
      onRefused: (_draft, error) => void this.handleRefusal(error),
      onTargetFailure: (_id, { detail }) => log.debug({ detail }, 'cannot reach the application'),
      events: {
        onDisconnected: ({ code, reason }) =>
          log.warn({ manager, code: goAwayName(code), reason }, 'disconnected from the traffic manager'),
        onRefused: (status, reason) =>
          status === 401 || status === 403
            ? log.error({ manager, status }, 'the traffic manager does not accept the API key')
            : log.warn({ manager, status, reason }, 'the traffic manager cannot be reached'),
        onCredentialError: (error) => log.error({ err: error }, 'cannot read the API key'),
        onFault: (error) => log.error({ err: error }, 'tunnel fault'),
      },
    });
  }

  private async create(): Promise<void> {
    this.log.info('Creating intercept...');
    while (!this.isStopping) {
      try {
        const { port } = this.options;
        const intercept = await this.client!.create(this.draft, { host: '127.0.0.1', port });
        this.log.info({ interceptId: intercept.id }, 'Created intercept');
        this.handleIntercept(intercept);
        return;
      } catch (error) {
        if (!(error instanceof MeetingError)) throw error;
        if (!(await this.mayTryAgain(error))) return;
      }
    }
  }

  private async handleRefusal(error: MeetingError): Promise<void> {
    this.intercept = null;
    if (await this.mayTryAgain(error)) await this.create();
  }

  /** The client with the same headers may be the pod that this one replaces. */
  private async mayTryAgain(error: MeetingError): Promise<boolean> {
    if (error.code === 'LOST') return true;
    if (error.code !== 'CONFLICT') {
      this.quit(error.message);
      return false;
    }
    this.log.warn({ reason: error.message }, 'waiting for the headers to become free');
    await this.pause(CONFLICT_MS);
    return !this.isStopping;
  }

  private handleIntercept(intercept: InterceptInfo): void {
    this.intercept = intercept;
    const { id, name, disposition, message } = intercept;
    if (disposition !== this.lastState) {
      this.lastState = disposition;
      this.log.info({ message }, `intercept name="${name}" (id="${id}") state: ${disposition}`);
    }
    void this.keepPreview();
  }

  /** At most one at a time: changes that come meanwhile are handled afterwards. */
  private async keepPreview(): Promise<void> {
    const { preview } = this.options;
    if (preview === null || this.isPreviewing) return;
    this.isPreviewing = true;
    const backoff = new Backoff();
    while (!this.isStopping) {
      const culvertId = this.intercept?.culvertId ?? null;
      if (culvertId === null || culvertId === this.toldFor) break;
      try {
        this.preview = await this.ensurePreview(culvertId, preview);
        this.toldFor = culvertId;
        this.print(`Created preview URL: "${this.preview.url}"`);
        this.tellPullRequest(preview);
      } catch (error) {
        const isPassing = error instanceof CulvertApiError && error.isPassing;
        this.log[isPassing ? 'warn' : 'error']({ reason: (error as Error).message }, 'no preview URL yet');
        await this.pause(isPassing ? Math.max(LOOK_MS, backoff.next()) : backoff.slow());
      }
    }
    this.isPreviewing = false;
  }

  /** Returns the preview that already exists, as after a restart, or a new one. */
  private async ensurePreview(culvertId: string, options: PreviewOptions): Promise<CulvertPreview> {
    const api = this.api();
    const wanted = fieldsOf(options);
    const [existing] = await api.list('listPreviews', { query: { interceptId: culvertId } });
    if (existing === undefined) {
      this.log.info('Creating preview URL...');
      return api.call('createPreview', { body: { ...wanted, interceptId: culvertId } });
    }
    return isSame(existing, wanted)
      ? existing
      : api.call('updatePreview', { previewId: existing.id, body: wanted });
  }

  private tellPullRequest({ pullRequestUrl }: PreviewOptions): void {
    if (pullRequestUrl === null) return;
    const status = this.preview?.pullRequest?.status ?? 'pending';
    this.log.info({ pullRequestUrl, status }, 'Culvert comments on the pull request');
  }

  private api(): CulvertApi {
    return createCulvertApi(this.culvertUrl!, this.options.apiKey, this.http);
  }

  private async shutDown(): Promise<void> {
    this.aborter.abort();
    const timer = new Promise<void>((resolve) => setTimeout(resolve, REMOVE_TIMEOUT_MS).unref());
    await Promise.race([this.removeAll(), timer]);
    await this.client?.stop(DRAIN_MS);
    this.finish(null);
  }

  /** Cleans up, most visible things first: the URL, then the intercept. */
  private async removeAll(): Promise<void> {
    const { intercept, preview, client } = this;
    const complain = (error: unknown): null => {
      this.log.warn({ reason: (error as Error).message }, 'could not remove everything');
      return null;
    };
    const removed = intercept === null ? null : await client!.remove(intercept.id).catch(complain);
    // Another pod of this Deployment still serves both.
    if (removed?.isLast === false) return this.log.info('another pod of this Deployment continues');
    if (preview !== null)
      await unlessGone(this.api().call('deletePreview', { previewId: preview.id })).catch(complain);
    this.log.info({ interceptId: intercept?.id, previewUrl: preview?.url }, 'removed');
  }

  private quit(reason: string): void {
    if (this.isStopping) return;
    this.log.error(`quit: ${reason}`);
    this.aborter.abort();
    this.client?.close();
    this.finish(reason);
  }

  private finish(reason: string | null): void {
    for (const server of this.admin) {
      server.close();
      server.closeAllConnections();
    }
    this.markEnded(reason);
  }

  private get isStopping(): boolean {
    return this.aborter.signal.aborted;
  }

  private pause(ms: number): Promise<void> {
    const { signal } = this.aborter;
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', end);
        resolve();
      };
      const timer = setTimeout(end, ms);
      signal.addEventListener('abort', end);
      if (signal.aborted) end();
    });
  }
}

/** Reports whether something accepts connections at a port of this pod. */
function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    const settle = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => settle(true));
    socket.once('error', () => settle(false));
  });
}

type PreviewFields = ReturnType<typeof fieldsOf>;

function fieldsOf(options: PreviewOptions) {
  const { host, port, useTls, l5Host, displayBanner, pullRequestUrl, addRequestHeaders } = options;
  const settable = Object.entries(addRequestHeaders).filter(([name]) => isSettableHeader(name));
  return {
    ingress: { host, port, useTls, l5Host },
    displayBanner,
    pullRequestUrl,
    addRequestHeaders: Object.fromEntries(settable.map(([name, value]) => [name.toLowerCase(), value])),
  };
}

function isSame(preview: CulvertPreview, wanted: PreviewFields): boolean {
  const { host, port, useTls, l5Host } = preview.ingress;
  const there: PreviewFields = {
    ingress: { host, port, useTls, l5Host },
    displayBanner: preview.displayBanner,
    pullRequestUrl: preview.pullRequestUrl,
    addRequestHeaders: sorted(preview.addRequestHeaders),
  };
  return (
    JSON.stringify(there) ===
    JSON.stringify({ ...wanted, addRequestHeaders: sorted(wanted.addRequestHeaders) })
  );
}

function sorted(entries: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(entries).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
