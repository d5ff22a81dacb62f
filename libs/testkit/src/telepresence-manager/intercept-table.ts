import { randomUUID } from 'node:crypto';
import type { Message } from './schema.js';

export interface DoubleIngress {
  readonly host: string;
  readonly port: number;
  readonly useTls?: boolean;
  readonly l5host?: string;
}

export interface DoublePreviewSpec {
  readonly ingress: DoubleIngress;
  readonly displayBanner?: boolean;
  readonly pullRequestUrl?: string;
  readonly addRequestHeaders?: Readonly<Record<string, string>>;
}

export interface DoubleIntercept {
  readonly id: string;
  /** The client's session, which is the first part of the id. */
  readonly sessionId: string;
  readonly spec: Message;
  /** The client's key, which the manager sends to watchers. */
  readonly apiKey: string;
  disposition: number;
  message: string;
  previewDomain: string;
  /** Stays when the preview is removed. */
  previewSpec: DoublePreviewSpec | null;
  headers: Readonly<Record<string, string>>;
}

export interface NewIntercept {
  readonly name: string;
  readonly client?: string;
  readonly workload?: string;
  readonly namespace?: string;
  readonly mechanism?: string;
  readonly mechanismArgs?: readonly string[];
  readonly sessionId?: string;
  readonly apiKey?: string;
}

/** The manager's state, behind its single lock. */
export class InterceptTable {
  private readonly intercepts = new Map<string, DoubleIntercept>();
  private readonly watchers = new Set<() => void>();
  private lock: Promise<unknown> = Promise.resolve();

  get(id: string): DoubleIntercept | undefined {
    return this.intercepts.get(id);
  }

  add(intercept: NewIntercept): DoubleIntercept {
    const { name, client = 'ada@desk', workload = name, namespace = 'default' } = intercept;
    const { mechanism = 'http', mechanismArgs = ['--header=auto'] } = intercept;
    const { sessionId = randomUUID(), apiKey = 'agent-key-of-the-client' } = intercept;
    const added: DoubleIntercept = {
      id: `${sessionId}:${name}`,
      sessionId,
      spec: {
        name,
        client,
        agent: workload,
        mechanism,
        mechanismArgs,
        targetHost: '127.0.0.1',
        targetPort: 8080,
        namespace,
        servicePortIdentifier: 'http',
        workloadKind: 'Deployment',
        serviceName: workload,
        mountPoint: '/tmp/mount',
        roundtripLatency: 1000,
      },
      apiKey,
      disposition: 1,
      message: '',
      previewDomain: '',
      previewSpec: null,
      headers: { 'x-telepresence-intercept-id': `${sessionId}:${name}` },
    };
    this.intercepts.set(added.id, added);
    this.changed();
    return added;
  }

  delete(id: string): void {
    this.intercepts.delete(id);
    this.changed();
  }

  clear(): void {
    this.intercepts.clear();
  }

  /** Notifies every watcher. */
  changed(): void {
    for (const watcher of this.watchers) watcher();
  }

  watch(watcher: () => void): () => void {
    this.watchers.add(watcher);
    return () => this.watchers.delete(watcher);
  }

  snapshot(): Message {
    const sorted = [...this.intercepts.values()].toSorted((a, b) => (a.id < b.id ? -1 : 1));
    return { intercepts: sorted.map(infoOf) };
  }

  /** Runs `action` with exclusive access to the state. */
  locked<T>(action: () => Promise<T>): Promise<T> {
    const result = this.lock.then(action);
    this.lock = result.catch(() => undefined);
    return result;
  }

  unlocked(): Promise<unknown> {
    return this.lock;
  }
}

export function infoOf(intercept: DoubleIntercept): Message {
  const { id, sessionId, spec, apiKey, disposition, message, previewDomain, previewSpec, headers } =
    intercept;
  return {
    id,
    spec,
    disposition,
    message,
    previewDomain,
    headers,
    apiKey,
    clientSession: { sessionId },
    clientMountPoint: '/tmp/client',
    metadata: { team: 'shop' },
    environment: { DATABASE_PASSWORD: 'secret-of-the-workload' },
    ...(previewSpec && { previewSpec }),
  };
}
