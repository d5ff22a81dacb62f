import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import type { IncomingMessage } from 'node:http';
import { type ClusterEvent, type EventBus, InProcessEventBus, type Listening } from '@culvert/events';
import {
  SCOPES,
  apiKeyHint,
  generateApiKeySecret,
  generateOAuthSecret,
  generateSecret,
  hashApiKeySecret,
  hashOAuthSecret,
  hashSecret,
  type ApiKey,
  type Scope,
  type Preview,
  type Role,
  type Session,
  type Store,
  type TunnelKind,
  type User,
  type UserSession,
} from '@culvert/domain';
import { interceptDescription } from '@culvert/contract';
import { createLog, loadSettings } from '@culvert/runtime';
import { createStore } from '@culvert/store';
import { createTestDatabase } from '@culvert/testkit';
import type { NestExpressApplication } from '@nestjs/platform-express';
import superagent from 'superagent';
import request from 'supertest';
import { inject } from 'vitest';
import { createApiApp } from '../api-app.js';

// A stream has no end to wait for: its first events are returned instead.
superagent.buffer['text/event-stream'] = true;
superagent.parse['text/event-stream'] = (answer, done) => {
  const response = answer as unknown as IncomingMessage & { text: string };
  response.setEncoding('utf8').once('data', (text: string) => {
    response.text = text;
    (done as (error: null, body: unknown) => void)(null, text);
    response.destroy();
  });
};

/** Delivers within this process, as in a deployment with one process, and records what was published. */
export class RecordingBus implements EventBus {
  private readonly listeners = new Set<(event: ClusterEvent) => void>();
  private readonly gapListeners = new Set<() => void>();
  private readonly topics = new InProcessEventBus((error) => {
    throw error;
  });
  readonly published: ClusterEvent[] = [];
  /** If set, publishing any event fails with this error. */
  refusal: Error | undefined;

  async publish(event: ClusterEvent): Promise<void> {
    if (this.refusal !== undefined) throw this.refusal;
    this.published.push(event);
    for (const listener of this.listeners) listener(event);
  }

  subscribe(listener: (event: ClusterEvent) => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  onGap(listener: () => void): () => void {
    this.gapListeners.add(listener);
    return () => void this.gapListeners.delete(listener);
  }

  /** Simulates a broken connection. */
  lose(): void {
    for (const listener of this.gapListeners) listener();
  }

  send(topic: string, message: string): void {
    this.topics.send(topic, message);
  }

  listen(topic: string, listener: (message: string) => void): Listening {
    return this.topics.listen(topic, listener);
  }

  async close(): Promise<void> {}

  /** Returns the events since the last call that edges act on. */
  drain(): ClusterEvent[] {
    return this.published
      .splice(0)
      .filter(({ type }) => type !== 'resource.changed' && type !== 'preview.watched');
  }
}

/** One team with a key, and requests with that key. */
export class TestTeam {
  constructor(
    private readonly api: TestApi,
    readonly teamId: string,
    readonly secret: string,
    readonly apiKey: ApiKey,
  ) {}

  get(path: string) {
    return this.request('get', path);
  }

  post(path: string, body: object) {
    return this.request('post', path).send(body);
  }

  patch(path: string, body: object) {
    return this.request('patch', path).send(body);
  }

  delete(path: string) {
    return this.request('delete', path);
  }

  request(method: 'get' | 'post' | 'patch' | 'delete', path: string) {
    return this.api.http()[method](`/api/v1${path}`).set('Authorization', `Bearer ${this.secret}`);
  }

  /** Another key of the same team. */
  keyWith(draft: { scopes?: readonly Scope[]; expiresAt?: Date | null; secret?: string }): Promise<TestTeam> {
    return this.api.keyOf(this.teamId, draft);
  }

  async trafficManager(managerId: string): Promise<string> {
    const trafficManager = await this.api.store.trafficManagers.create(this.teamId, {
      managerId,
      clusterId: '',
      name: managerId,
      version: '',
    });
    if (trafficManager === null) throw new Error(`manager id ${managerId} is taken`);
    return trafficManager.id;
  }

  /** Creates a preview that a Telepresence traffic manager asks for, as an edge does. */
  async requestedPreview(name: string): Promise<Preview> {
    const opened = await this.api.store.requestedPreviews.open(this.teamId, {
      managerId: `manager-${name}`,
      managerName: 'Telepresence',
      interceptId: `${randomUUID()}:${name}`,
      intercept: { ...interceptDescription.parse({ name, workload: name }), client: 'ann@laptop' },
      preview: {
        hostname: `${name}.preview.example.com`,
        ingress: {
          host: name,
          port: 80,
          useTls: false,
          l5Host: name,
          verifyTls: false,
          protocol: 'http1',
          addressedAs: 'l5host',
        },
        access: 'team',
        allowedEmails: [],
        allowedDomains: [],
        displayBanner: false,
        pullRequestUrl: null,
        addRequestHeaders: {},
        expiresAt: null,
      },
      maxPreviews: 1000,
      at: new Date(),
    });
    if (typeof opened === 'string') throw new Error(opened);
    return opened.preview;
  }

  /** Returns the ID of an intercept whose preview was removed and can be restored. */
  async interceptWithRemovedPreview(name: string): Promise<string> {
    const { id, interceptId } = await this.requestedPreview(name);
    await this.api.store.previews.remove(this.teamId, id);
    return interceptId;
  }

  /** Begins, or resumes, the session of a traffic manager, as an edge does. */
  async session(managerId: string, kind: TunnelKind = 'native'): Promise<Session> {
    const { session } = await this.api.store.sessions.register(this.teamId, {
      identity: { managerId, clusterId: '', name: managerId, version: '0.1.0' },
      kind,
      credential: { kind: 'api-key', apiKeyId: this.apiKey.id },
      edgeId: 'edge-1',
      remoteAddress: '192.0.2.1',
      instanceId: 'process-1',
      at: new Date(),
    });
    return session;
  }
}

/** A page and one file, so that no test waits for a build. */
const DASHBOARD_FOLDER = fileURLToPath(new URL('dashboard', import.meta.url));

const ORIGIN = 'http://localhost:8080';

/** A signed-in person, and requests made by a page of the app in their browser. */
export class TestPerson {
  constructor(
    private readonly api: TestApi,
    readonly user: User,
    readonly session: UserSession,
    readonly cookie: string,
  ) {}

  request(method: 'get' | 'post' | 'patch' | 'delete', path: string, options: { teamId?: string } = {}) {
    const http = this.api.http();
    const sent = http[method](`/api/v1${path}`).set('Cookie', this.cookie).set('Origin', ORIGIN);
    return options.teamId === undefined ? sent : sent.set('Culvert-Team', options.teamId);
  }
}

/** Creates a store in its own database on the test server, which is dropped when the store closes. */
export async function createTestStore(): Promise<Store> {
  const database = await createTestDatabase(inject('databaseUrl'), inject('migratedDatabase'));
  const store = await createStore({ databaseUrl: database.url, dataDir: 'memory' });
  return {
    ...store,
    async close() {
      await store.close();
      await database.drop();
    },
  };
}

/** The API with a real store, in this process. */
export class TestApi {
  private constructor(
    readonly app: NestExpressApplication,
    readonly store: Store,
    readonly bus: RecordingBus,
    readonly logLines: string[],
  ) {}

  static async start(
    options: { env?: Record<string, string>; store?: Store; dashboardFolder?: string } = {},
  ): Promise<TestApi> {
    const store = options.store ?? (await createTestStore());
    const bus = new RecordingBus();
    const logLines: string[] = [];
    const log = createLog({
      level: 'info',
      app: 'api',
      destination: { write: (line) => void logLines.push(line) },
    });
    const settings = loadSettings('standalone', options.env ?? {});
    const { dashboardFolder = DASHBOARD_FOLDER } = options;
    const app = await createApiApp({ settings, version: '0.0.0', log, store, bus }, { dashboardFolder });
    // Otherwise Supertest would open and close a port for each request.
    await app.listen(0, '127.0.0.1');
    return new TestApi(app, store, bus, logLines);
  }

  http() {
    return request(this.app.getHttpServer());
  }

  async team(name: string): Promise<TestTeam> {
    const { id } = await this.store.teams.create(name);
    return this.keyOf(id, {});
  }

  /** Creates a signed-in person with these roles in teams. */
  async person(
    email: string,
    roles: readonly (readonly [teamId: string, role: Role])[],
    { signedInAt = new Date() }: { signedInAt?: Date } = {},
  ): Promise<TestPerson> {
    const user = await this.store.users.findOrCreate(email, '');
    for (const [teamId, role] of roles) await this.store.users.addMembership(teamId, user.id, role);
    const token = generateSecret();
    const session = await this.store.userSessions.create({
      userId: user.id,
      tokenHash: hashSecret(token),
      at: signedInAt,
      address: '192.0.2.7',
      userAgent: 'Test/1.0',
    });
    return new TestPerson(this, user, session, `culvert-session=${token}`);
  }

  /** Creates a program that this member allowed to act for them, with its access token. */
  async program(
    teamId: string,
    userId: string,
    at: Date = new Date(),
    clientId = 'telepresence-cli',
  ): Promise<{ id: string; accessToken: string; refreshToken: string }> {
    const program = await this.store.programs.create(teamId, {
      userId,
      clientId,
      codeHash: hashOAuthSecret(generateOAuthSecret('code')),
      codeChallenge: 'c'.repeat(43),
      redirectUri: 'http://localhost:1/callback',
      at,
    });
    if (program === null) throw new Error('the person is not a member');
    const accessToken = generateOAuthSecret('access');
    const refreshToken = generateOAuthSecret('refresh');
    const hashes = {
      accessTokenHash: hashOAuthSecret(accessToken),
      refreshTokenHash: hashOAuthSecret(refreshToken),
    };
    await this.store.programs.exchangeCode(teamId, program.id, hashes, at);
    return { id: program.id, accessToken, refreshToken };
  }

  async keyOf(
    teamId: string,
    draft: { scopes?: readonly Scope[]; expiresAt?: Date | null; secret?: string },
  ): Promise<TestTeam> {
    const { scopes = SCOPES, expiresAt = null, secret = generateApiKeySecret() } = draft;
    const apiKey = await this.store.apiKeys.create(teamId, {
      name: 'test',
      hint: apiKeyHint(secret),
      hash: hashApiKeySecret(secret),
      scopes,
      expiresAt,
    });
    return new TestTeam(this, teamId, secret, apiKey);
  }

  close(): Promise<void> {
    return this.app.close();
  }
}
