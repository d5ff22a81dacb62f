/** One standalone server over TLS on a database of its own, with helpers for tests of its entrances. */
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http2 from 'node:http2';
import type http from 'node:http';
import https from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hashSecret, generateSecret, type Store, VISIT_LIMITS } from '@culvert/domain';
import { createStore } from '@culvert/store';
import { createTestCertificate } from '@culvert/testkit';
import { createDatabase } from './database.js';
import { API_KEY } from './deployment.js';
import { type Program, startProgram } from './process.js';

export interface TlsDeployment {
  readonly port: number;
  /** Origin of the app. */
  readonly app: string;
  /** Certificate of the edge, in PEM, to be trusted. */
  readonly ca: string;
  readonly program: Program;
  /** The deployment's own store, for things that no API creates. */
  readonly store: Store;
  readonly teamId: string;
  /** Over HTTP/1.1, on a new connection. */
  send(hostname: string, path: string, options?: SendOptions): Promise<Answer>;
  /** The same as one stream of an HTTP/2 connection. */
  sendOver(
    session: http2.ClientHttp2Session,
    hostname: string,
    path: string,
    options?: SendOptions,
  ): Promise<Answer>;
  connectHttp2(): Promise<http2.ClientHttp2Session>;
  /** Calls the REST API with the key of the team; rejects unless the status is 2xx. */
  api<T>(method: string, path: string, body?: object): Promise<T>;
  createPreview(ingressPort: number, change?: object): Promise<TlsPreview>;
  /** A new member who has been admitted to the preview: the value of their cookie, and their identity. */
  letIn(
    preview: TlsPreview,
    options?: LetInOptions,
  ): Promise<{ readonly cookie: string; readonly userId: string }>;
  startManager(env?: Record<string, string>): Promise<Program>;
  stop(): Promise<void>;
}

export interface SendOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string;
}

export interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

export interface TlsPreview {
  readonly id: string;
  readonly hostname: string;
  readonly url: string;
}

interface LetInOptions {
  /** Key of another team, to show that the preview's own counts. Default: that of the deployment. */
  readonly teamId?: string;
  /** Default: in an hour. */
  readonly expiresAt?: Date;
}

const HOUR_MS = 3_600_000;

export async function startTlsDeployment(env: Record<string, string> = {}): Promise<TlsDeployment> {
  const certificate = createTestCertificate(['localhost', '*.preview.localhost']);
  const ca = certificate.cert;
  const directory = mkdtempSync(join(tmpdir(), 'culvert-test-'));
  const file = (name: string, content: string): string => {
    writeFileSync(join(directory, name), content, { mode: 0o600 });
    return join(directory, name);
  };
  const caFile = file('edge.crt', ca);
  const database = await createDatabase();
  const program = startProgram('apps/standalone/src/main.js', {
    PORT: '0',
    DATABASE_URL: database.url,
    CULVERT_BOOTSTRAP_API_KEY: API_KEY,
    TLS_CERT_FILE: caFile,
    TLS_KEY_FILE: file('edge.key', certificate.key),
    ...env,
  });
  const port = Number((await program.line(/^Dashboard +https:\/\/localhost:(\d+)/m))[1]);
  const app = `https://localhost:${port}`;
  const store = await createStore({ databaseUrl: database.url, dataDir: 'memory' });
  const { teamId } = (await store.apiKeys.findByHash(hashSecret(API_KEY)))!;
  const managers: Program[] = [];
  const sessions: http2.ClientHttp2Session[] = [];

  const send: TlsDeployment['send'] = (hostname, path, { method = 'GET', headers, body = '' } = {}) =>
    new Promise((resolve, reject) => {
      const request = https.request(
        {
          host: '127.0.0.1',
          port,
          path,
          method,
          servername: hostname,
          ca,
          agent: false,
          headers: { host: `${hostname}:${port}`, ...headers } as http.OutgoingHttpHeaders,
        },
        (response) => {
          let text = '';
          response.setEncoding('utf8').on('data', (piece: string) => (text += piece));
          response.on('end', () =>
            resolve({ status: response.statusCode!, headers: response.headers, body: text }),
          );
          response.on('error', reject);
        },
      );
      request.on('error', reject);
      request.end(body);
    });

  const api: TlsDeployment['api'] = async (method, path, body) => {
    const answer = await send('localhost', `/api/v1${path}`, {
      method,
      headers: {
        authorization: `Bearer ${API_KEY}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      body: body === undefined ? '' : JSON.stringify(body),
    });
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${answer.body}`);
    return (answer.body === '' ? null : JSON.parse(answer.body)) as never;
  };

  return {
    port,
    app,
    ca,
    program,
    store,
    teamId,
    send,
    api,
    sendOver: async (session, hostname, path, { method = 'GET', headers, body } = {}) => {
      const stream = session.request(
        { ':method': method, ':path': path, ':authority': `${hostname}:${port}`, ...headers },
        { endStream: body === undefined },
      );
      const response = once(stream, 'response');
      if (body !== undefined) stream.end(body);
      let text = '';
      for await (const chunk of stream.setEncoding('utf8')) text += String(chunk);
      const [fields] = (await response) as [http2.IncomingHttpHeaders & { ':status': number }];
      return { status: fields[':status'], headers: fields, body: text };
    },
    connectHttp2: async () => {
      const session = http2.connect(app, {
        ca,
        lookup: (_name, options, found) =>
          options.all ? found(null, [{ address: '127.0.0.1', family: 4 }]) : found(null, '127.0.0.1', 4),
      });
      sessions.push(session);
      // This field announces whether WebSockets may be opened.
      await once(session, 'remoteSettings');
      return session;
    },
    createPreview: (ingressPort, change = {}) =>
      api('POST', '/previews', {
        intercept: { name: 'web', workload: 'web', namespace: 'default' },
        ingress: { host: '127.0.0.1', port: ingressPort },
        ...change,
      }),
    letIn: async (preview, { teamId: ofTeam = teamId, expiresAt = new Date(Date.now() + HOUR_MS) } = {}) => {
      const email = `${generateSecret().slice(0, 12).toLowerCase()}@visitors.test`;
      const user = await store.users.findOrCreate(email, email);
      await store.users.addMembership(ofTeam, user.id, 'member');
      const session = await store.userSessions.create({
        userId: user.id,
        tokenHash: hashSecret(generateSecret()),
        at: new Date(),
        address: null,
        userAgent: '',
      });
      const cookie = generateSecret();
      const outcome = await store.previewVisits.create(
        {
          hash: hashSecret(cookie),
          teamId: ofTeam,
          previewId: preview.id,
          admittedBy: { userId: user.id, userSessionId: session.id },
          expiresAt,
        },
        VISIT_LIMITS,
        new Date(),
      );
      if (outcome !== 'created') throw new Error(`no visit of ${preview.hostname}`);
      return { cookie, userId: user.id };
    },
    startManager: async (managerEnv = {}) => {
      const manager = startProgram('apps/traffic-manager/src/main.js', {
        CULVERT_URL: app,
        CULVERT_API_KEY: API_KEY,
        CULVERT_MANAGER_ID: 'test-manager',
        CULVERT_CA_FILE: caFile,
        ...managerEnv,
      });
      managers.push(manager);
      await manager.logged(/connected/i);
      return manager;
    },
    stop: async () => {
      for (const session of sessions) session.destroy();
      await Promise.all(managers.map((manager) => manager.stop()));
      await program.stop();
      await store.close();
      await database.drop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
