/** Callers that can open a native tunnel, and its owners. The store is real; the requests are only heads. */
import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import {
  CULVERT_CLIENT_ID,
  generateApiKeySecret,
  generateOAuthSecret,
  hashApiKeySecret,
  hashOAuthSecret,
  type Scope,
  type Store,
  StoreUnavailableError,
} from '@culvert/domain';
import { TrustedProxies } from '@culvert/relay';
import { StallingProxy } from '@culvert/testkit';
import { describe, afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { storeTeam, type StoredTeam } from '../spec/stored-team.js';
import { KnownManagers } from './known-managers.js';
import { TunnelAuthenticator } from './tunnel-authenticator.js';

let team: StoredTeam;
let proxy: StallingProxy;
let store: Store;
let teamId: string;
let userId: string;
let authenticator: TunnelAuthenticator;
const used: string[] = [];

beforeAll(async () => {
  team = await storeTeam({
    urlOf: async (url) => {
      const started = await StallingProxy.start(url);
      proxy = started;
      return started.url;
    },
  });
  ({ store, teamId, userId } = team);
});
beforeEach(() => {
  const apiKeyUse = { record: ({ id }: { id: string }) => void used.push(id) };
  authenticator = new TunnelAuthenticator(store, apiKeyUse, new TrustedProxies([]), new KnownManagers());
});
afterEach(() => proxy.resume());
afterAll(async () => {
  await team?.stop();
  await proxy?.stop();
});

function request(authorization?: string): IncomingMessage {
  const message = new IncomingMessage(new Socket());
  if (authorization !== undefined) message.headers.authorization = authorization;
  return message;
}

async function key(scopes: readonly Scope[], expiresAt: Date | null = null) {
  const secret = generateApiKeySecret();
  const hash = hashApiKeySecret(secret);
  const { id } = await store.apiKeys.create(teamId, { name: 'x', hint: 'x', hash, scopes, expiresAt });
  return { id, secret };
}

async function program(clientId: string, at = new Date()) {
  const made = await store.programs.create(teamId, {
    userId,
    clientId,
    codeHash: hashOAuthSecret(generateOAuthSecret('code')),
    codeChallenge: 'c'.repeat(43),
    redirectUri: 'http://localhost:1/callback',
    at,
  });
  const secret = generateOAuthSecret('access');
  const refreshTokenHash = hashOAuthSecret(generateOAuthSecret('refresh'));
  const hashes = { accessTokenHash: hashOAuthSecret(secret), refreshTokenHash };
  await store.programs.exchangeCode(teamId, made?.id ?? '', hashes, at);
  return { id: made?.id ?? '', secret };
}

describe(TunnelAuthenticator.name, () => {
  it('accepts a key with the scope, which then owns the tunnel, and records its use', async () => {
    const { id, secret } = await key(['tunnel']);
    const asked = request(`Bearer ${secret}`);
    expect(await authenticator.authenticate(asked)).toBeNull();
    expect(authenticator.ownerOf(asked)).toEqual({ teamId, credential: { kind: 'api-key', apiKeyId: id } });
    expect(used).toContain(id);
  });

  it('accepts an access token of culvert, and the tunnel belongs to that program and person', async () => {
    const { id, secret } = await program(CULVERT_CLIENT_ID);
    const asked = request(`Bearer ${secret}`);
    expect(await authenticator.authenticate(asked)).toBeNull();
    expect(authenticator.ownerOf(asked)).toEqual({
      teamId,
      credential: { kind: 'program', programId: id, userId },
    });
  });

  it.each<[string, () => Promise<string | undefined>, number]>([
    ['nothing', async () => undefined, 401],
    ['a secret beyond the limit', async () => `Bearer ${'x'.repeat(513)}`, 401],
    ['an unknown key', async () => `Bearer ${generateApiKeySecret()}`, 401],
    ['an expired key', async () => `Bearer ${(await key(['tunnel'], new Date(Date.now() - 1))).secret}`, 401],
    ['a key without the scope', async () => `Bearer ${(await key(['previews:read'])).secret}`, 403],
    ['an unknown token', async () => `Bearer ${generateOAuthSecret('access')}`, 401],
    ['a token of Telepresence’s', async () => `Bearer ${(await program('telepresence-cli')).secret}`, 401],
    [
      'an expired token',
      async () => `Bearer ${(await program(CULVERT_CLIENT_ID, new Date(Date.now() - 3_600_001))).secret}`,
      401,
    ],
  ])('refuses %s', async (_name, authorization, status) => {
    const asked = request(await authorization());
    expect((await authenticator.authenticate(asked))?.status).toBe(status);
    expect(() => authenticator.ownerOf(asked)).toThrow('without authentication');
  });

  it('accepts what it knows while the store does not answer, and marks it as unchecked', async () => {
    const known = await key(['tunnel']);
    const knownProgram = await program(CULVERT_CLIENT_ID);
    const unknown = await key(['tunnel']);
    for (const { secret } of [known, knownProgram])
      expect(await authenticator.authenticate(request(`Bearer ${secret}`))).toBeNull();
    used.length = 0;
    proxy.stall();
    const ownerOf = async ({ secret }: { secret: string }) => {
      const asked = request(`Bearer ${secret}`);
      expect(await authenticator.authenticate(asked)).toBeNull();
      return authenticator.ownerOf(asked);
    };
    const [byKey, byToken] = await Promise.all([
      ownerOf(known),
      ownerOf(knownProgram),
      expect(authenticator.authenticate(request(`Bearer ${unknown.secret}`))).rejects.toThrow(
        StoreUnavailableError,
      ),
    ]);
    expect(byKey).toEqual({
      teamId,
      credential: { kind: 'api-key', apiKeyId: known.id },
      uncheckedHash: hashApiKeySecret(known.secret),
    });
    expect(byToken).toMatchObject({
      credential: { programId: knownProgram.id },
      uncheckedHash: hashOAuthSecret(knownProgram.secret),
    });
    // Its use cannot be recorded now.
    expect(used).toEqual([]);
  });

  // Each of many reconnecting traffic managers waited four seconds, although the edge knew that the store was away.
  it('answers at once after the store did not answer, from memory or with a refusal', async () => {
    const known = await key(['tunnel']);
    expect(await authenticator.authenticate(request(`Bearer ${known.secret}`))).toBeNull();
    proxy.stall();
    const unknown = () => authenticator.authenticate(request(`Bearer ${generateApiKeySecret()}`));
    await expect(unknown()).rejects.toThrow(StoreUnavailableError);
    const begun = performance.now();
    await expect(unknown()).rejects.toThrow(StoreUnavailableError);
    const asked = request(`Bearer ${known.secret}`);
    expect(await authenticator.authenticate(asked)).toBeNull();
    expect(performance.now() - begun).toBeLessThan(900);
    expect(authenticator.ownerOf(asked)).toHaveProperty('uncheckedHash');
  });

  it('does not accept from memory what the store has refused', async () => {
    const { id, secret } = await key(['tunnel']);
    expect(await authenticator.authenticate(request(`Bearer ${secret}`))).toBeNull();
    await store.apiKeys.revoke(teamId, id, new Date());
    expect((await authenticator.authenticate(request(`Bearer ${secret}`)))?.status).toBe(401);
    proxy.stall();
    await expect(authenticator.authenticate(request(`Bearer ${secret}`))).rejects.toThrow(
      StoreUnavailableError,
    );
  });
});
