import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Scope } from '@culvert/domain';
import { TelepresenceClient } from '@culvert/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestApi, type TestTeam } from '../../spec/api-harness.js';

describe('the cloud API of Telepresence', () => {
  let api: TestApi;
  let url: string;
  let team: TestTeam;
  let folder: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'culvert-test-'));
    api = await TestApi.start({ env: { TELEPRESENCE_ENHANCED_DAEMON_DIR: folder } });
    url = await api.app.getUrl();
    team = await api.team('Shop');
  });
  afterAll(async () => {
    await api.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const client = (version = '2.8.5') => new TelepresenceClient({ version, url });
  const scopesOf = async (key: string): Promise<Scope[]> =>
    (await api.http().get('/api/v1/me').set('Authorization', `Bearer ${key}`)).body.apiKey.scopes;

  describe('with the key of `telepresence login --apikey`', () => {
    it.each(['2.3.7', '2.8.5'])('signs in, and creates a key for each of its parts: %s', async (version) => {
      const program = client(version);
      await program.loginWithApiKey(team.secret);
      expect(program.userInfo).toEqual({
        id: team.apiKey.id,
        name: 'test',
        avatarUrl: '',
        accountId: team.teamId,
        accountName: 'Shop',
        accountAvatarUrl: '',
        email: '',
      });
      expect(await scopesOf(await program.apiKey('agent-http'))).toEqual(['previews:read']);
      expect(await scopesOf(await program.apiKey('workstation'))).toEqual([
        'previews:read',
        'previews:write',
      ]);
      expect((await scopesOf(await program.apiKey('traffic-manager'))).toSorted()).toEqual([
        'previews:read',
        'previews:write',
        'tunnel',
      ]);
      expect((await team.get('/api-keys')).body.items[0]).toMatchObject({
        name: 'telepresence:traffic-manager',
      });
      expect((await team.get('/audit-events')).body.items[0]).toMatchObject({ action: 'api-key.create' });
    });

    it('accepts the body of 2.1.4 to 2.3.6', async () => {
      const program = client('2.3.6');
      program.apiKeys.set('', team.secret);
      expect(await scopesOf(await program.apiKey('agent-http'))).toEqual(['previews:read']);
      expect((await team.get('/api-keys')).body.items[0].name).toBe('agent-http');
    });

    it('creates keys without scopes that the key lacks, and without longer life', async () => {
      const expiresAt = new Date(Date.now() + 60_000);
      const limited = await team.keyWith({ scopes: ['keys:write', 'previews:read'], expiresAt });
      const program = client();
      await program.loginWithApiKey(limited.secret);
      expect(await scopesOf(await program.apiKey('traffic-manager'))).toEqual(['previews:read']);
      expect((await team.get('/api-keys')).body.items[0].expiresAt).toBe(expiresAt.toISOString());
      const nothing = await team.keyWith({ scopes: ['keys:write', 'team:read'] });
      const other = client();
      await other.loginWithApiKey(nothing.secret);
      await expect(other.apiKey('agent-http')).rejects.toThrow('previews:read');
      expect(other.apiKeys.size).toBe(1);
    });

    it('refuses at sign-in, while a person watches, a key that cannot create others', async () => {
      const limited = await team.keyWith({ scopes: ['tunnel', 'previews:read', 'previews:write'] });
      await expect(client().loginWithApiKey(limited.secret)).rejects.toThrow('permission denied: 403');
    });

    it('refuses a key that is unknown, expired or revoked', async () => {
      const expired = await team.keyWith({ expiresAt: new Date(Date.now() - 1) });
      const revoked = await team.keyWith({});
      await team.delete(`/api-keys/${revoked.apiKey.id}`);
      for (const secret of ['cvt_unknown-key', expired.secret, revoked.secret]) {
        await expect(client().loginWithApiKey(secret)).rejects.toThrow('permission denied: 401');
      }
      expect(
        (await api.http().get('/api/userinfo').set('Authorization', `Bearer ${team.secret}`)).status,
      ).toBe(401);
      expect((await api.http().get('/api/userinfo')).status).toBe(401);
    });
  });

  describe('POST /sso/api/apikeys', () => {
    const post = (path = '/sso/api/apikeys') =>
      api.http().post(path).set('X-Ambassador-Api-Key', team.secret).type('application/json');

    it.each([
      ['no credentials', () => api.http().post('/sso/api/apikeys').send({}), 401],
      ['bad JSON', () => post().send('{"description":'), 400],
      ['a body that is not an object', () => post().send('[]'), 400],
      ['a description that is not text', () => post().send({ description: 1 }), 400],
      ['a description beyond the limit', () => post().send({ description: 'x'.repeat(129) }), 400],
      ['a description that forges lines', () => post().send({ description: 'a\nb' }), 400],
      ['a body beyond the limit', () => post().send({ description: 'x'.repeat(300_000) }), 413],
      ['another media type', () => post().type('text/plain').send('{}'), 415],
      ['another method', () => api.http().get('/sso/api/apikeys'), 405],
      ['another path', () => post('/sso/api/nothing').send({}), 404],
    ])(
      'reports the error in `message`, so that no client stores it as a key: %s',
      async (_name, send, status) => {
        const response = await send();
        expect(response.status).toBe(status);
        expect(response.headers['content-type']).toMatch(/^application\/json(;|$)/);
        expect(response.body.message).toEqual(expect.stringMatching(/\S/));
        expect(response.body).not.toHaveProperty('key');
      },
    );

    it('reports its own faults in the same way, without their cause', async () => {
      const { create } = api.store.apiKeys;
      api.store.apiKeys.create = () => Promise.reject(new Error('relation "api_key" does not exist'));
      const response = await post().send({ description: 'x' });
      api.store.apiKeys.create = create;
      expect([response.status, typeof response.body.message]).toEqual([500, 'string']);
      expect(response.text).not.toContain('relation');
    });

    it('creates a key without a description', async () => {
      const { status, body } = await post().send({});
      expect([status, body.description]).toEqual([200, '']);
      expect(Object.values(body).every((value) => typeof value === 'string')).toBe(true);
      expect(body).not.toHaveProperty('message');
    });
  });

  it('returns no license to any caller, in either format of errors', async () => {
    for (const path of ['/api/licenses/1/formats/jwt', '/api/licenses/%E0/formats/jwt', '/api/licenses/x']) {
      const response = await api.http().get(path).set('Authorization', 'Bearer x');
      expect([response.status, response.headers['content-type']]).toEqual([404, 'text/plain; charset=utf-8']);
    }
    expect((await api.http().post('/api/licenses/1/formats/jwt')).status).toBe(404);
  });

  describe('downloads', () => {
    it('names the version to update to, and nothing else', async () => {
      const response = await api.http().get('/download/tel2/linux/amd64/stable.txt');
      expect([response.status, response.text]).toEqual([200, '2.8.5']);
    });

    it.each(['2.5.0', '2.8.5'])('stands in for the enhanced daemon of %s', async (version) => {
      const program = join(folder, `telepresence-pro-${version}`);
      writeFileSync(program, await client(version).downloadEnhancedDaemon('linux', 'amd64'));
      chmodSync(program, 0o755);
      // The output that the client checks, and the daemon that it then starts.
      expect(spawnSync(program, ['pro-version']).stdout.toString()).toContain(`v${version}`);
      const ordinary = join(folder, 'telepresence');
      writeFileSync(ordinary, '#!/bin/sh\necho "$0 $*"\n', { mode: 0o755 });
      const daemon = spawnSync(program, ['connector-foreground', 'a b'], {
        env: { PATH: `${folder}:${process.env['PATH'] ?? ''}` },
      });
      expect(daemon.stdout.toString()).toBe(`${ordinary} connector-foreground a b\n`);
    });

    it("prefers the operator's file", async () => {
      mkdirSync(join(folder, 'windows/amd64/2.8.5'), { recursive: true });
      writeFileSync(join(folder, 'windows/amd64/2.8.5/telepresence-pro.exe'), 'MZ');
      expect((await client('2.8.5').downloadEnhancedDaemon('windows', 'amd64')).toString()).toBe('MZ');
      await expect(client('2.7.0').downloadEnhancedDaemon('windows', 'amd64')).rejects.toThrow('404');
    });

    it.each([
      '/download/tel-pro/plan9/amd64/2.8.5/latest/telepresence-pro',
      '/download/tel-pro/linux/..%2f..%2f/2.8.5/latest/telepresence-pro',
      '/download/tel-pro/linux/amd64/..%2f..%2fetc/latest/telepresence-pro',
      '/download/tel-pro/linux/amd64/2.8.5/latest/passwd',
      '/download/tel-pro/linux/amd64/2.8.5%0a$(id)/latest/telepresence-pro',
      '/download/tel-pro/windows/amd64/2.8.5/latest/telepresence-pro',
    ])('has nothing at %s', async (path) => {
      expect((await api.http().get(path)).status).toBe(404);
    });
  });

  it('redirects `telepresence dashboard` to the app', async () => {
    const response = await api.http().get('/cloud/preview');
    expect([response.status, response.headers['location']]).toEqual([302, '/']);
  });
});
