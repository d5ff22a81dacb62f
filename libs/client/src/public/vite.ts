/** A plugin for Vite that gives its development server a preview URL. */
import type { Server } from 'node:net';
import { Server as TlsServer } from 'node:tls';
import { asClientError } from '../client-error.js';
import { expose } from './expose.js';
import type { ExposeOptions, RunningPreview } from './types.js';

export interface CulvertPluginOptions extends Omit<ExposeOptions, 'signal'> {
  /** Whether to expose the server. Default: yes, but not where the variable `CI` or `VITEST` is set. */
  readonly enabled?: boolean | undefined;
}

/** What the plugin uses of Vite's server: the same from Vite 5 on. */
export interface ViteServer {
  /** Null in middleware mode. */
  readonly httpServer: object | null;
  readonly config: {
    readonly root: string;
    readonly logger: { info(text: string): void; warn(text: string): void };
  };
  close(): Promise<void>;
}

/** A plugin as Vite defines it, without importing Vite. */
export interface CulvertPlugin {
  readonly name: 'culvert';
  /** Off in builds. */
  readonly apply: 'serve';
  readonly configureServer: (server: ViteServer) => void;
  readonly configurePreviewServer: (server: ViteServer) => void;
}

/** The exposure of one project. Vite makes a new server when its configuration changes; the URL stays if its own options do. */
interface Shared {
  users: number;
  /** What was exposed, and with which options (`identityOf`). */
  identity: string;
  /** Those of the latest server, whose callbacks are called. */
  options: CulvertPluginOptions;
  pending: Promise<RunningPreview | null> | null;
}

/** By the root of the project. */
const exposures = new Map<string, Shared>();

/** Longest wait for the removal of the URL after Ctrl-C. */
const INTERRUPT_MS = 3000;

/**
 * Returns a Vite plugin that exposes the development server, and the server of `vite preview`, when it listens. It prints the URL
 * beside Vite's own and removes it when the server closes. Failures are warnings: the server runs without a preview.
 */
export function culvert(options: CulvertPluginOptions = {}): CulvertPlugin {
  const attach = (server: ViteServer): void => {
    const { httpServer, config } = server;
    if (httpServer === null || !isEnabled(options)) return;
    const shared = exposures.get(config.root) ?? { users: 0, identity: '', options, pending: null };
    exposures.set(config.root, shared);
    shared.users++;
    const http = httpServer as Server;
    releaseAtClose(server, http, shared);
    const begin = (): void => void show(shared, http, config.logger, options);
    if (http.listening) begin();
    else http.once('listening', begin);
  };
  return { name: 'culvert', apply: 'serve', configureServer: attach, configurePreviewServer: attach };
}

/**
 * Vite's hooks for the end of a server are called once for each of its environments and do not name the server. A restart closes
 * the HTTP server alone in newer versions of Vite, after it has made the next one.
 */
function releaseAtClose(server: ViteServer, http: Server, shared: Shared): void {
  let isReleased = false;
  const release = async (): Promise<void> => {
    if (isReleased) return;
    isReleased = true;
    if (--shared.users === 0) await remove(shared);
  };
  const close = server.close.bind(server);
  http.once('close', () => void release());
  server.close = async () => {
    await Promise.all([close(), release()]);
  };
}

function isEnabled({ enabled }: CulvertPluginOptions): boolean {
  return enabled ?? !(process.env['CI'] || process.env['VITEST']);
}

async function show(
  shared: Shared,
  http: Server,
  logger: ViteServer['config']['logger'],
  options: CulvertPluginOptions,
): Promise<void> {
  const identity = identityOf(http, options);
  if (shared.pending !== null && shared.identity !== identity) await remove(shared);
  shared.identity = identity;
  shared.options = options;
  shared.pending ??= exposeServer(shared, http, logger);
  const preview = await shared.pending;
  if (preview !== null) logger.info(`  ➜  Culvert: ${preview.url}`);
}

/** Returns a text that changes with what is exposed and with each option, except what a callback does. */
function identityOf(http: Server, options: CulvertPluginOptions): string {
  const address = http.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const values = Object.entries(options).map(([name, value]: [string, unknown]) => [
    name,
    typeof value === 'function' ? 'callback' : value,
  ]);
  return JSON.stringify([port, http instanceof TlsServer, Object.fromEntries(values)]);
}

/** Resolves with null, after a warning, if there can be no preview. */
async function exposeServer(
  shared: Shared,
  http: Server,
  logger: ViteServer['config']['logger'],
): Promise<RunningPreview | null> {
  const warn = (error: unknown): null => {
    const { message, hint } = asClientError(error);
    logger.warn(`culvert: ${[message, hint].filter(Boolean).join('. ')}`);
    return null;
  };
  const { enabled: _, ...options } = shared.options;
  try {
    const preview = await expose(http, {
      ...options,
      ...(options.onRequest && { onRequest: (request) => shared.options.onRequest?.(request) }),
      ...(options.onLost && { onLost: (reason) => shared.options.onLost?.(reason) }),
      ...(options.onReconnected && { onReconnected: () => shared.options.onReconnected?.() }),
      onUrlChange: (url) => {
        logger.info(`  ➜  Culvert: ${url}`);
        shared.options.onUrlChange?.(url);
      },
    });
    const release = removeOnInterrupt(preview);
    void preview.ended.then((error) => {
      release();
      return error && warn(error);
    });
    return preview;
  } catch (error) {
    return warn(error);
  }
}

async function remove(shared: Shared): Promise<void> {
  const { pending } = shared;
  shared.pending = null;
  const preview = await pending;
  // If Culvert does not answer, the URL ends with its session.
  await preview?.close().catch(() => undefined);
}

/**
 * Vite does not close its server after Ctrl-C. Returns the function that stops watching for it.
 *
 * The listener stays until the URL is removed: some versions of Vite have one of their own that sends the signal again, which
 * would end a process without listeners at once.
 */
function removeOnInterrupt(preview: RunningPreview): () => void {
  let isEnding = false;
  const stop = (): void => void process.off('SIGINT', handle);
  const handle = (): void => {
    if (isEnding) return;
    isEnding = true;
    const late = new Promise((resolve) => setTimeout(resolve, INTERRUPT_MS));
    void Promise.race([preview.close().catch(() => undefined), late]).then(() => {
      stop();
      // Another listener decides when the process ends.
      if (process.listenerCount('SIGINT') === 0) process.kill(process.pid, 'SIGINT');
    });
  };
  process.on('SIGINT', handle);
  return stop;
}
