/** Result of each kind of call for each kind of credential. The calls are real; the HTTP/2 below them is simulated. */
import { InProcessEventBus } from '@culvert/events';
import {
  SCOPES,
  type Scope,
  generateApiKeySecret,
  generateOAuthSecret,
  hashApiKeySecret,
  hashOAuthSecret,
  type Store,
} from '@culvert/domain';
import { DEFAULT_HEAD_LIMITS, parseRequestHead, type RequestHead } from '@culvert/http1';
import { ApiKeyUse } from '@culvert/nest';
import { createLog, loadSettings } from '@culvert/runtime';
import { type HandedOffStream, type HandedOffStreamHandler, TunnelRegistry } from '@culvert/relay';
import { createStore } from '@culvert/store';
import { GrpcStatus, Methods, REVERSE_CONNECTION_PATH } from '@culvert/telepresence';
import { createTestDatabase, type TestDatabase } from '@culvert/testkit';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { TunnelSessions } from '../tunnels/tunnel-sessions.js';
import { Telepresence } from './telepresence.js';

const { INVALID_ARGUMENT, OK, PERMISSION_DENIED, UNAUTHENTICATED } = GrpcStatus;
const EMPTY_MESSAGE = Buffer.alloc(5);

/** Calls by their purpose, with the result of an empty message once they are authorized. */
const CALLS = {
  'a reverse connection': { path: REVERSE_CONNECTION_PATH, scopes: ['tunnel'], letIn: 'open' },
  'a new domain': {
    path: Methods.createDomain.path,
    scopes: ['tunnel', 'previews:write'],
    letIn: INVALID_ARGUMENT,
  },
  'a removal': { path: Methods.removeDomain.path, scopes: ['tunnel'], letIn: OK },
  'a question': { path: Methods.resolveIngressInfo.path, scopes: ['previews:read'], letIn: INVALID_ARGUMENT },
  'a report': { path: Methods.reportInterceptCreation.path, scopes: ['previews:write'], letIn: OK },
  'a public call': {
    path: Methods.unauthenticatedCommandMessages.path,
    scopes: [],
    letIn: OK,
  },
} as const satisfies Record<string, { path: string; scopes: readonly Scope[]; letIn: unknown }>;

const NEEDED = 'an API key is needed: run "telepresence login"';
const UNKNOWN = 'the API key does not exist on this server';
const OVER = 'the API key is expired or revoked';
const SIGNED_OUT = 'the sign-in has expired or was ended: run "telepresence login"';

type Fields = Readonly<Record<string, string>>;
const key = (secret: string): Fields => ({ 'x-ambassador-api-key': secret });
const bearer = (secret: string): Fields => ({ authorization: `Bearer ${secret}` });

let database: TestDatabase;
let store: Store;
let teamId: string;
let sessions: TunnelSessions;
let telepresence: Telepresence;
let closeBus: () => Promise<void>;

beforeAll(async () => {
  database = await createTestDatabase(inject('databaseUrl'), inject('migratedDatabase'));
  store = await createStore({ databaseUrl: database.url, dataDir: 'memory' });
  teamId = (await store.teams.create('Shop')).id;
  const settings = loadSettings('standalone', {});
  const log = createLog({ level: 'silent', app: 'edge', destination: { write() {} } });
  const bus = new InProcessEventBus((error) => log.error({ err: error }, 'a listener failed'));
  closeBus = () => bus.close();
  const registry = new TunnelRegistry();
  const apiKeyUse = new ApiKeyUse(store, log);
  sessions = new TunnelSessions(store, registry, settings.limits, log, apiKeyUse, () => {});
  telepresence = new Telepresence({ store, bus, tunnels: sessions, registry, settings, log, apiKeyUse });
});
afterAll(async () => {
  telepresence.close();
  await sessions.close();
  await closeBus();
  await store.close();
  await database.drop();
});

async function apiKey(
  options: { scopes?: readonly Scope[]; expiresAt?: Date; isRevoked?: boolean } = {},
): Promise<string> {
  const secret = generateApiKeySecret();
  const { scopes = SCOPES, expiresAt = null, isRevoked = false } = options;
  const draft = { name: 'test', hint: 'cvt_', hash: hashApiKeySecret(secret), scopes, expiresAt };
  const { id } = await store.apiKeys.create(teamId, draft);
  if (isRevoked) await store.apiKeys.revoke(teamId, id, new Date());
  return secret;
}

let count = 0;
/** Tokens of a program that a member allowed to act for them. */
async function program(options: { at?: Date; fate?: 'ended' | 'removed' | 'lowered' } = {}) {
  const { at = new Date(), fate } = options;
  const { id: userId } = await store.users.findOrCreate(`ann-${++count}@example.test`, 'Ann');
  await store.users.addMembership(teamId, userId, 'admin');
  const made = await store.programs.create(teamId, {
    userId,
    clientId: 'telepresence-cli',
    codeHash: hashOAuthSecret(generateOAuthSecret('code')),
    codeChallenge: 'c'.repeat(43),
    redirectUri: 'http://localhost:1/callback',
    at,
  });
  const [access, refresh] = [generateOAuthSecret('access'), generateOAuthSecret('refresh')];
  const tokens = { accessTokenHash: hashOAuthSecret(access), refreshTokenHash: hashOAuthSecret(refresh) };
  await store.programs.exchangeCode(teamId, made!.id, tokens, at);
  const change = { by: 'self', at: new Date() } as const;
  if (fate === 'ended') await store.programs.revoke(userId, made!.id);
  if (fate === 'removed') await store.members.change(teamId, userId, { ...change, role: null });
  if (fate === 'lowered') await store.members.change(teamId, userId, { ...change, role: 'member' });
  return { access, refresh };
}

function headOf(path: string, fields: Fields): RequestHead {
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  const bytes = Buffer.from(
    `POST ${path} HTTP/1.1\r\nHost: culvert.test\r\nx-telepresence-managerid: m-1\r\n${lines.join('')}\r\n`,
  );
  return parseRequestHead(bytes, 0, bytes.length, DEFAULT_HEAD_LIMITS);
}

/** One call with an empty message. */
class Call implements HandedOffStream {
  readonly head: RequestHead;
  readonly peer = '192.0.2.1';
  handler!: HandedOffStreamHandler;
  /** `open`, or the status and message with which it ended. */
  readonly answer: Promise<'open' | readonly [status: number, message: string]>;
  private resolve!: (answer: 'open' | readonly [status: number, message: string]) => void;
  private readonly isReverse: boolean;

  constructor(path: string, fields: Fields) {
    this.head = headOf(path, fields);
    this.isReverse = path === REVERSE_CONNECTION_PATH;
    this.answer = new Promise((resolve) => (this.resolve = resolve));
  }

  respond(): void {
    if (!this.isReverse) return;
    this.resolve('open');
    // Without a caller behind it, the call closes as soon as it has opened.
    setImmediate(() => this.handler.onClose());
  }
  write(): boolean {
    return true;
  }
  resume(): void {
    if (this.isReverse) return;
    setImmediate(() => {
      this.handler.onData(EMPTY_MESSAGE);
      this.handler.onEnd();
    });
  }
  end(trailers: Fields): void {
    this.resolve([Number(trailers['grpc-status']), decodeURIComponent(trailers['grpc-message'] ?? '')]);
  }
  pause(): void {}
  reset(): void {}
}

/** Returns the result of each call. The message is included only if the call was refused, which is what this tests. */
async function answersTo(fields: Fields): Promise<Record<string, unknown>> {
  const answers: [string, unknown][] = [];
  for (const [name, { path, letIn }] of Object.entries(CALLS)) {
    const call = new Call(path, fields);
    telepresence.serve(call);
    const answer = await call.answer;
    answers.push([name, answer === letIn || answer[0] === letIn ? 'let in' : answer]);
  }
  return Object.fromEntries(answers);
}

/** Every call has this result, except those that need no credential. */
function everywhere(answer: (missing: Scope | undefined) => unknown, has: readonly Scope[] = []) {
  return Object.fromEntries(
    Object.entries(CALLS).map(([name, { scopes }]) => {
      const missing = scopes.find((scope) => !has.includes(scope));
      return [name, scopes.length === 0 ? 'let in' : answer(missing)];
    }),
  );
}
const refused = (message: string) => everywhere(() => [UNAUTHENTICATED, message]);
const letIn = () => everywhere(() => 'let in');

it.each<[name: string, show: () => Promise<Fields>, message: string]>([
  ['nothing', async () => ({}), NEEDED],
  ['an empty key', async () => key(''), NEEDED],
  ['a key that is too short to be one', async () => key('short'), NEEDED],
  ['a key that is too long to be one', async () => key('k'.repeat(513)), NEEDED],
  ['something else than a bearer', async () => ({ authorization: `Basic ${await apiKey()}` }), NEEDED],
  ['a wrong key', async () => key(generateApiKeySecret()), UNKNOWN],
  ['a mistyped key', async () => key(mistyped(await apiKey())), UNKNOWN],
  ['an expired key', async () => key(await apiKey({ expiresAt: new Date(Date.now() - 1) })), OVER],
  ['a revoked key', async () => key(await apiKey({ isRevoked: true })), OVER],
  ['a wrong token', async () => bearer(generateOAuthSecret('access')), SIGNED_OUT],
  ['a mistyped token', async () => bearer(mistyped((await program()).access)), SIGNED_OUT],
  ['an expired token', async () => bearer((await program({ at: anHourAgo() })).access), SIGNED_OUT],
  [
    'a token of a program that ended',
    async () => bearer((await program({ fate: 'ended' })).access),
    SIGNED_OUT,
  ],
  [
    'a token of a removed member',
    async () => bearer((await program({ fate: 'removed' })).access),
    SIGNED_OUT,
  ],
  ['a refresh token', async () => bearer((await program()).refresh), UNKNOWN],
  [
    'a wrong key beside a good token',
    async () => ({ ...key(generateApiKeySecret()), ...bearer((await program()).access) }),
    UNKNOWN,
  ],
  [
    'an empty key beside a good token',
    async () => ({ ...key(''), ...bearer((await program()).access) }),
    NEEDED,
  ],
])('refuses %s', async (_name, show, message) => {
  expect(await answersTo(await show())).toEqual(refused(message));
});

it.each<[name: string, show: () => Promise<Fields>]>([
  ['a key', async () => key(await apiKey())],
  ['a key that expires later', async () => key(await apiKey({ expiresAt: new Date(Date.now() + 60_000) }))],
  ['a key as a bearer', async () => bearer(await apiKey())],
  ['a token', async () => bearer((await program()).access)],
  ['a token in the place of a key', async () => key((await program()).access)],
  [
    'a token of a member whose role was lowered',
    async () => bearer((await program({ fate: 'lowered' })).access),
  ],
  [
    'a good key beside a token of a program that ended',
    async () => ({ ...key(await apiKey()), ...bearer((await program({ fate: 'ended' })).access) }),
  ],
  ['a bearer in another case', async () => ({ authorization: `bEARER  ${(await program()).access} ` })],
])('lets in %s', async (_name, show) => {
  expect(await answersTo(await show())).toEqual(letIn());
});

it.each<[scopes: readonly Scope[]]>([
  [['tunnel']],
  [['previews:write']],
  [['previews:read']],
  [['keys:write', 'team:read']],
])('names the scope that a key for %j lacks', async (scopes) => {
  const answer = (missing: Scope | undefined) =>
    missing === undefined ? 'let in' : [PERMISSION_DENIED, `the API key lacks the scope ${missing}`];
  expect(await answersTo(key(await apiKey({ scopes })))).toEqual(everywhere(answer, scopes));
});

function mistyped(secret: string): string {
  return `${secret.slice(0, -1)}${secret.endsWith('a') ? 'b' : 'a'}`;
}

function anHourAgo(): Date {
  return new Date(Date.now() - 60 * 60_000 - 1);
}
