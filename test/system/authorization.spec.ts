/**
 * Authorization of the entrances that are not routes of the API: the tunnel's WebSocket, the calls of Telepresence's
 * programs, and the hosts of previews. The expected results are written down here; a missing one fails the test.
 * Credentials other than keys on a preview's host are tested in `preview-entrances.spec.ts`.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as grpc from '@grpc/grpc-js';
import {
  SCOPES,
  apiKeyHint,
  type Scope,
  generateApiKeySecret,
  generateSecret,
  hashApiKeySecret,
  hashSecret,
  type Store,
  VISIT_LIMITS,
} from '@culvert/domain';
import { createStore } from '@culvert/store';
import { GrpcStatus, Methods, REVERSE_CONNECTION_PATH } from '@culvert/telepresence';
import { createTestCertificate, type TestDatabase } from '@culvert/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { createDatabase } from '../support/database.js';
import { API_KEY } from '../support/deployment.js';
import { type Program, startProgram } from '../support/process.js';

const certificate = createTestCertificate(['localhost', '*.preview.localhost']);
let directory: string;
let database: TestDatabase;
let store: Store;
let standalone: Program;
let port: number;
let teamId: string;
let trafficManagerId: string;

/** Keys by their flaw; a scope: with only this scope. */
const secrets = new Map<string, string | null>();
/** Credentials for the host of one preview, which are not valid elsewhere. */
const OF_A_PREVIEW = ['preview token', 'share link', 'visit'];
const NOBODY = ['none', 'unknown', 'expired', 'revoked', ...OF_A_PREVIEW];

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'culvert-test-'));
  database = await createDatabase();
  const file = (name: string, content: string): string => {
    writeFileSync(join(directory, name), content, { mode: 0o600 });
    return join(directory, name);
  };
  standalone = startProgram('apps/standalone/src/main.js', {
    PORT: '0',
    DATABASE_URL: database.url,
    CULVERT_BOOTSTRAP_API_KEY: API_KEY,
    MANAGER_WAIT_MS: '0',
    TLS_CERT_FILE: file('edge.crt', certificate.cert),
    TLS_KEY_FILE: file('edge.key', certificate.key),
  });
  port = Number((await standalone.line(/^Dashboard +https:\/\/localhost:(\d+)/m))[1]);
  store = await createStore({ databaseUrl: database.url, dataDir: 'memory' });
  const firstKey = (await store.apiKeys.findByHash(hashSecret(API_KEY)))!;
  teamId = firstKey.teamId;
  const other = await store.teams.create('Theirs');
  secrets.set('none', null).set('unknown', generateApiKeySecret());
  secrets.set('expired', await key(teamId, SCOPES, new Date(Date.now() - 1)));
  secrets.set('revoked', await key(teamId, SCOPES));
  const revoked = await store.apiKeys.findByHash(hashApiKeySecret(secrets.get('revoked')!));
  await store.apiKeys.revoke(teamId, revoked!.id, new Date());
  for (const scope of SCOPES) secrets.set(scope, await key(teamId, [scope]));
  secrets.set('every scope', await key(teamId, SCOPES));
  secrets.set('other team', await key(other.id, SCOPES));
  const manager = await store.trafficManagers.create(teamId, {
    managerId: 'previews',
    clusterId: '',
    name: 'previews',
    version: '',
  });
  trafficManagerId = manager!.id;
  const { id } = await createPreview('team');
  for (const [name, prefix] of [
    ['preview token', 'cvp_'],
    ['share link', 'cvs_'],
  ] as const) {
    const secret = generateSecret(prefix);
    const draft = {
      name,
      hint: prefix,
      hash: hashSecret(secret),
      expiresAt: new Date(Date.now() + 3_600_000),
    };
    const by = { kind: 'api-key', apiKeyId: firstKey.id } as const;
    await (prefix === 'cvp_' ? store.previewTokens : store.shareLinks).create(teamId, id, draft, {
      by,
      max: 1,
    });
    secrets.set(name, secret);
  }
  const visit = generateSecret();
  const { id: shareLinkId } = (await store.shareLinks.findUsable(
    hashSecret(secrets.get('share link')!),
    new Date(),
  ))!;
  await store.previewVisits.create(
    {
      hash: hashSecret(visit),
      teamId,
      previewId: id,
      admittedBy: { shareLinkId },
      expiresAt: new Date(Date.now() + 3_600_000),
    },
    VISIT_LIMITS,
    new Date(),
  );
  secrets.set('visit', visit);
});

afterAll(async () => {
  await standalone?.stop();
  await store?.close();
  await database?.drop();
  rmSync(directory, { recursive: true, force: true });
});

async function key(team: string, scopes: readonly Scope[], expiresAt: Date | null = null) {
  const secret = generateApiKeySecret();
  const hint = apiKeyHint(secret);
  await store.apiKeys.create(team, { name: 'test', hint, hash: hashApiKeySecret(secret), scopes, expiresAt });
  return secret;
}

async function createPreview(access: 'team' | 'public') {
  const body = JSON.stringify({
    trafficManagerId,
    intercept: { name: access, workload: 'web' },
    ingress: { host: 'web', port: 80 },
    access,
  });
  return new Promise<{ id: string; hostname: string }>((resolve, reject) => {
    const request = https.request(
      {
        host: '127.0.0.1',
        port,
        path: '/api/v1/previews',
        method: 'POST',
        servername: 'localhost',
        ca: certificate.cert,
        headers: { authorization: `Bearer ${API_KEY}`, 'content-type': 'application/json' },
      },
      (response) => {
        let text = '';
        response.on('data', (piece) => (text += String(piece)));
        response.on('end', () => resolve(JSON.parse(text) as { id: string; hostname: string }));
      },
    );
    request.on('error', reject);
    request.end(body);
  });
}

/** Returns the expected result for each key: `nobody` for invalid ones, `otherwise` for those without an entry. */
function expected<T>(byKey: Readonly<Record<string, T>> & { readonly nobody: T; readonly otherwise: T }) {
  return Object.fromEntries(
    [...secrets.keys()].map((name) => [
      name,
      byKey[name] ?? (NOBODY.includes(name) ? byKey.nobody : byKey.otherwise),
    ]),
  );
}

async function answers<T>(ask: (secret: string | null) => Promise<T>): Promise<Record<string, T>> {
  const all = await Promise.all(
    [...secrets].map(async ([name, secret]) => [name, await ask(secret)] as const),
  );
  return Object.fromEntries(all);
}

describe('the tunnel', () => {
  const dial = (secret: string | null, headers: Record<string, string> = {}) =>
    new Promise<number>((resolve, reject) => {
      const socket = new WebSocket(`wss://localhost:${port}/tunnel/v1`, {
        ca: certificate.cert,
        lookup: (_host, _options, found) => found(null, [{ address: '127.0.0.1', family: 4 }]),
        headers: { ...(secret === null ? {} : { authorization: `Bearer ${secret}` }), ...headers },
      });
      socket.on('upgrade', () => {
        socket.terminate();
        resolve(101);
      });
      socket.on('unexpected-response', (_request, response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      });
      socket.on('error', reject);
    });

  it('opens only with the scope `tunnel`', async () => {
    const table = expected({
      nobody: 401,
      tunnel: 101,
      'every scope': 101,
      'other team': 101,
      otherwise: 403,
    });
    expect(await answers(dial)).toEqual(table);
  });
});

describe('a call of Telepresence', () => {
  const { INVALID_ARGUMENT, NOT_FOUND, OK, PERMISSION_DENIED, UNAUTHENTICATED, UNIMPLEMENTED } = GrpcStatus;
  const all = (status: GrpcStatus) => ({ nobody: status, otherwise: status });
  const keyFor = (scope: Scope) => (status: GrpcStatus) => ({
    nobody: UNAUTHENTICATED,
    otherwise: PERMISSION_DENIED,
    [scope]: status,
    'every scope': status,
    'other team': status,
  });
  const tunnelKey = keyFor('tunnel');
  const readKey = keyFor('previews:read');
  const writeKey = keyFor('previews:write');
  /** Results for a message of zero bytes, from an unknown manager. */
  const TABLE: Readonly<Record<string, ReturnType<typeof all> & Record<string, GrpcStatus>>> = {
    '/telepresence.systema.SystemACRUD/CreateDomain': {
      ...tunnelKey(INVALID_ARGUMENT),
      // It also creates a preview.
      tunnel: PERMISSION_DENIED,
    },
    '/telepresence.systema.SystemACRUD/RemoveDomain': tunnelKey(OK),
    '/telepresence.systema.SystemACRUD/RemoveIntercept': tunnelKey(OK),
    '/telepresence.systema.SystemACRUD/PreferredAgent': all(INVALID_ARGUMENT),
    '/telepresence.systema.SystemACli/GetUnauthenticatedCommandMessages': all(OK),
    '/telepresence.systema.SystemAAgent/ReviewIntercept': readKey(OK),
    '/telepresence.userdaemon.SystemA/ResolveIngressInfo': readKey(INVALID_ARGUMENT),
    '/telepresence.userdaemon.SystemA/ReportAvailableNamespaces': writeKey(OK),
    '/telepresence.userdaemon.SystemA/ReportAvailableServices': writeKey(OK),
    '/telepresence.userdaemon.SystemA/GetNamespacesToWatch': readKey(OK),
    '/telepresence.userdaemon.SystemA/ReportInterceptCreation': writeKey(OK),
    '/telepresence.userdaemon.SystemA/GetSavedIntercept': readKey(NOT_FOUND),
    '/telepresence.userdaemon.SystemA/AutocompleteSavedIntercept': readKey(OK),
    // OK: it is opened.
    [REVERSE_CONNECTION_PATH]: tunnelKey(OK),
    '/telepresence.systema.UserDaemonSystemAProxy/ReverseConnection': all(UNIMPLEMENTED),
    '/telepresence.unknown.Service/Call': all(UNIMPLEMENTED),
  };
  let client: grpc.Client;

  beforeAll(() => {
    client = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createSsl(Buffer.from(certificate.cert)), {
      'grpc.ssl_target_name_override': 'localhost',
      'grpc.default_authority': `localhost:${port}`,
    });
  });
  afterAll(() => client?.close());

  const call = (path: string, header: string, secret: string | null) =>
    new Promise<number>((resolve) => {
      const metadata = new grpc.Metadata();
      metadata.set('x-telepresence-managerid', 'nobody-knows');
      if (secret !== null) metadata.set(header, header === 'authorization' ? `Bearer ${secret}` : secret);
      const bytes = (value: Buffer): Buffer => value;
      client.makeUnaryRequest(
        path,
        bytes,
        bytes,
        Buffer.alloc(0),
        metadata,
        { deadline: Date.now() + 20_000 },
        (error) => resolve(error?.code ?? OK),
      );
    });

  it('is in the table for every method', () => {
    const served = Object.values(Methods).map(({ path }) => path);
    expect(Object.keys(TABLE)).toEqual(expect.arrayContaining([...served, REVERSE_CONNECTION_PATH]));
  });

  const unary = Object.entries(TABLE).filter(([path]) => path !== REVERSE_CONNECTION_PATH);

  it.each(unary)('%s', async (path, table) => {
    for (const header of ['x-ambassador-api-key', 'authorization'])
      expect(await answers((secret) => call(path, header, secret))).toEqual(expected(table));
  });

  it('opens a reverse connection only with the scope `tunnel`', async () => {
    const dial = (secret: string | null) =>
      new Promise<number>((resolve) => {
        const metadata = new grpc.Metadata();
        metadata.set('x-telepresence-managerid', `manager-${String(secret)}`);
        if (secret !== null) metadata.set('x-ambassador-api-key', secret);
        const bytes = (value: Buffer): Buffer => value;
        const stream = client.makeBidiStreamRequest(REVERSE_CONNECTION_PATH, bytes, bytes, metadata);
        // Accepted calls get headers, refused ones only the status.
        stream.on('metadata', () => {
          resolve(OK);
          stream.cancel();
        });
        stream.on('error', ({ code }: grpc.ServiceError) => resolve(code));
      });
    expect(await answers(dial)).toEqual(expected(TABLE[REVERSE_CONNECTION_PATH]));
  });
});

describe('the host of a preview', () => {
  /** Status for accepted requests: no manager is connected (503). */
  const IN = 503;
  const visit = (hostname: string, headers: Record<string, string>) =>
    new Promise<number>((resolve, reject) => {
      const request = https.get(
        {
          host: '127.0.0.1',
          port,
          servername: hostname,
          ca: certificate.cert,
          agent: false,
          headers: { host: `${hostname}:${port}`, ...headers },
        },
        (response) => {
          response.resume().on('end', () => resolve(response.statusCode ?? 0));
        },
      );
      request.on('error', reject);
    });
  const shown = (secret: string | null, header: string): Record<string, string> =>
    secret === null ? {} : { [header]: header === 'authorization' ? `Bearer ${secret}` : secret };
  let hostnames: Record<'team' | 'public' | 'missing', string>;

  beforeAll(async () => {
    hostnames = {
      team: (await createPreview('team')).hostname,
      public: (await createPreview('public')).hostname,
      missing: 'nothing-here.preview.localhost',
    };
  });

  it.each(['x-ambassador-api-key', 'authorization'])('answers keys in %s', async (header) => {
    const ask = (hostname: string) => answers((secret) => visit(hostname, shown(secret, header)));
    expect(await ask(hostnames.public)).toEqual(expected({ nobody: IN, otherwise: IN }));
    // docs/operations.md: `access_denied` asks for a key of the team, whatever credential was sent.
    const stranger = { nobody: 401, otherwise: 401 };
    expect(await ask(hostnames.team)).toEqual(
      expected({ ...stranger, 'previews:read': IN, 'every scope': IN, 'other team': 404 }),
    );
    // Like a private one, for callers who cannot open it.
    expect(await ask(hostnames.missing)).toEqual(
      expected({ ...stranger, 'previews:read': 404, 'every scope': 404, 'other team': 404 }),
    );
  });
});
