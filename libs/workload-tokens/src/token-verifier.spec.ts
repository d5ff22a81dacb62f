import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { HttpClient } from '@culvert/outbound';
import { TokenIssuer } from '@culvert/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { IssuerKeys } from './issuer-keys.js';
import { TokenProblem } from './token-problem.js';
import { MAX_TOKEN_LENGTH, TokenVerifier } from './token-verifier.js';

const AUDIENCE = 'https://culvert.example.com';
const SUBJECT = 'repo:acme/shop:ref:refs/heads/main';
/** A key that no issuer publishes. */
const foreign = generateKeyPairSync('rsa', { modulusLength: 2048 });
const encode = (part: unknown) => Buffer.from(JSON.stringify(part)).toString('base64url');

describe('TokenVerifier', () => {
  let issuer: TokenIssuer;
  let publicHttp: HttpClient;
  let internalHttp: HttpClient;
  let verifier: TokenVerifier;
  let now: number;

  beforeEach(async () => {
    issuer = await TokenIssuer.start();
    const limits = { connectTimeoutMs: 2000, timeoutMs: 2000, maxResponseBytes: 1_000_000, ca: issuer.ca };
    publicHttp = new HttpClient({ ...limits, allowPrivateAddresses: false });
    internalHttp = new HttpClient({ ...limits, allowPrivateAddresses: true });
    now = Date.now();
    verifier = verifierOf([issuer.url]);
  });
  afterEach(async () => {
    publicHttp.close();
    internalHttp.close();
    await issuer.close();
  });

  const verifierOf = (internalIssuers: readonly string[]) => {
    const clock = () => now;
    return new TokenVerifier(
      new IssuerKeys({ publicHttp, internalHttp, internalIssuers, now: clock }),
      clock,
    );
  };
  const claims = (change: Record<string, unknown> = {}) => ({ sub: SUBJECT, aud: AUDIENCE, ...change });
  const verify = (token: string) => verifier.verify(token, { issuer: issuer.url, audience: AUDIENCE });
  const problem = async (token: string): Promise<string> => {
    const error = await verify(token).then(
      () => new Error('it was accepted'),
      (reason: unknown) => reason as Error,
    );
    expect(error).toBeInstanceOf(TokenProblem);
    return error.message;
  };
  const send = (path: string, body: string, status = 200, headers: Record<string, string> = {}) =>
    issuer.answers.set(path, (response) => void response.writeHead(status, headers).end(body));

  it('returns the claims of a token that the issuer signed', async () => {
    const token = await issuer.sign(claims({ repository: 'acme/shop' }));
    expect(await verify(token)).toMatchObject({ sub: SUBJECT, repository: 'acme/shop' });
  });

  it('asks the issuer once for many tokens', async () => {
    const token = await issuer.sign(claims());
    await Promise.all([verify(token), verify(token), verify(token)]);
    await verify(token);
    expect(issuer.seen).toEqual(['/.well-known/openid-configuration', '/jwks']);
  });

  it('keeps the keys of an issuer that teams share, however many issuers teams have', async () => {
    const http = internalHttp;
    const sharedIssuers = [issuer.url];
    const keys = new IssuerKeys({ publicHttp: http, internalHttp: http, internalIssuers: [], sharedIssuers });
    await keys.find(issuer.url);
    for (let team = 0; team < 300; team++) {
      const own = `${issuer.url}/team-${team}`;
      send(
        `/team-${team}/.well-known/openid-configuration`,
        JSON.stringify({ issuer: own, jwks_uri: `${issuer.url}/jwks` }),
      );
      await keys.find(own);
    }
    const before = issuer.seen.length;
    await keys.find(issuer.url);
    expect(issuer.seen).toHaveLength(before);
    await keys.find(`${issuer.url}/team-0`);
    expect(issuer.seen).toHaveLength(before + 2);
  });

  it('accepts a token for several audiences if this is one of them', async () => {
    expect(
      await verify(await issuer.sign(claims({ aud: ['https://other.example', AUDIENCE] }))),
    ).toBeDefined();
  });

  it.each([
    [
      'another audience',
      { aud: 'https://other.example' },
      /audience of the token is "https:\/\/other\.example"/,
    ],
    ['no audience', { aud: undefined }, /audience of the token is missing/],
    ['another issuer', { iss: 'https://evil.example' }, /issuer of the token is "https:\/\/evil\.example"/],
    ['a slash after its issuer', { iss: 'ISSUER/' }, /issuer of the token/],
    ['an expiry in the past', { exp: Math.floor(Date.now() / 1000) - 60 }, /has expired/],
    ['no expiry', { exp: undefined }, /claim exp/],
    ['a start in the future', { nbf: Math.floor(Date.now() / 1000) + 120 }, /not valid yet/],
    [
      'a time of issue in the future',
      { iat: Math.floor(Date.now() / 1000) + 120 },
      /from the future|not valid/,
    ],
    ['a lifetime of two days', { exp: Math.floor(Date.now() / 1000) + 172_800 }, /more than 24 hours/],
    ['no subject', { sub: undefined }, /claim sub/],
    ['a subject that is a number', { sub: 7 }, /subject|sub/],
  ])('refuses a token with %s', async (_name, change, expected) => {
    const iss = 'iss' in change ? change.iss.replace('ISSUER', issuer.url) : issuer.url;
    expect(await problem(await issuer.sign(claims({ ...change, iss })))).toMatch(expected);
  });

  it('tolerates clocks that differ by less than 30 seconds', async () => {
    const seconds = Math.floor(Date.now() / 1000);
    expect(await verify(await issuer.sign(claims({ nbf: seconds + 20, iat: seconds + 20 })))).toBeDefined();
    expect(await verify(await issuer.sign(claims({ iat: seconds - 100, exp: seconds - 20 })))).toBeDefined();
  });

  it('refuses a token without a signature', async () => {
    const [, payload] = (await issuer.sign(claims())).split('.');
    for (const alg of ['none', 'None', 'NONE', '']) {
      const token = `${encode({ alg, kid: issuer.currentKey.kid })}.${payload}.`;
      expect(await problem(token)).toMatch(/algorithm|cannot be verified/);
    }
  });

  it('refuses a token that is signed with the public key as a shared secret', async () => {
    const pem = issuer.currentKey.publicKey.export({ type: 'spki', format: 'pem' });
    for (const alg of ['HS256', 'HS512']) {
      const token = await issuer.sign(claims(), { alg, key: Buffer.from(pem as string) });
      expect(await problem(token)).toMatch(/algorithm/);
    }
  });

  it('refuses a token that another key signed under the ID of the right one', async () => {
    expect(await problem(await issuer.sign(claims(), { key: foreign.privateKey }))).toMatch(/signature/);
  });

  it('refuses a token whose claims were changed', async () => {
    const [header, , signature] = (await issuer.sign(claims())).split('.');
    const seconds = Math.floor(now / 1000);
    const payload = encode({
      ...claims({ repository: 'acme/other' }),
      iss: issuer.url,
      iat: seconds,
      exp: seconds + 300,
    });
    expect(await problem(`${header}.${payload}.${signature}`)).toMatch(/signature/);
  });

  it('ignores keys that the token brings along', async () => {
    const { privateKey, publicKey } = foreign;
    const token = await issuer.sign(claims(), { key: privateKey });
    const [, payload, signature] = token.split('.');
    const header = encode({
      alg: 'RS256',
      jwk: publicKey.export({ format: 'jwk' }),
      jku: 'https://evil.example',
    });
    expect(await problem(`${header}.${payload}.${signature}`)).toMatch(/signature/);
  });

  it.each(['', 'a', 'a.b.c', 'x'.repeat(MAX_TOKEN_LENGTH + 1), `${encode({})}.${encode([])}.`])(
    'refuses text that is not a token, without asking the issuer',
    async (text) => {
      await problem(text);
      expect(issuer.seen).toEqual([]);
    },
  );

  it('fetches the keys again for a key that is new', async () => {
    await verify(await issuer.sign(claims()));
    issuer.rotate();
    now += 31_000;
    expect(await verify(await issuer.sign(claims()))).toBeDefined();
    expect(issuer.seen.filter((path) => path === '/jwks')).toHaveLength(2);
  });

  it('does not fetch the keys for each of many tokens with invented key IDs', async () => {
    await verify(await issuer.sign(claims()));
    for (let i = 0; i < 20; i++)
      expect(await problem(await issuer.sign(claims(), { kid: `invented-${i}` }))).toMatch(/no key/);
    now += 31_000;
    await Promise.all(
      Array.from({ length: 20 }, async (_none, i) =>
        problem(await issuer.sign(claims(), { kid: `more-${i}` })),
      ),
    );
    expect(issuer.seen.filter((path) => path === '/jwks')).toHaveLength(2);
  });

  it('does not connect to private addresses, unless the operator names the issuer', async () => {
    verifier = verifierOf([]);
    expect(await problem(await issuer.sign(claims()))).toMatch(/cannot be asked for its keys/);
    expect(issuer.seen).toEqual([]);
  });

  it('does not connect to a private address that a named issuer gives for its keys', async () => {
    const other = await TokenIssuer.start();
    const document = { issuer: issuer.url, jwks_uri: `${other.url}/jwks` };
    send('/.well-known/openid-configuration', JSON.stringify(document));
    expect(await problem(await issuer.sign(claims()))).toMatch(/cannot be asked for its keys/);
    expect(other.seen).toEqual([]);
    await other.close();
  });

  it('follows no redirect', async () => {
    send('/.well-known/openid-configuration', '', 302, { location: `${issuer.url}/elsewhere` });
    expect(await problem(await issuer.sign(claims()))).toMatch(/redirects/);
    expect(issuer.seen).toEqual(['/.well-known/openid-configuration']);
  });

  it.each([
    [
      'calls itself by another name',
      { issuer: 'https://evil.example', jwks_uri: 'https://evil.example' },
      /itself/,
    ],
    ['has keys on plain http', { jwks_uri: 'http://127.0.0.1/jwks' }, /not an https URL/],
    ['has no keys', { jwks_uri: undefined }, /not a document/],
  ])('refuses an issuer that %s', async (_name, change, expected) => {
    const document = Object.assign({ issuer: issuer.url, jwks_uri: `${issuer.url}/jwks` }, change);
    send('/.well-known/openid-configuration', JSON.stringify(document));
    expect(await problem(await issuer.sign(claims()))).toMatch(expected);
  });

  it.each([
    ['is too long', 'x'.repeat(300_000)],
    ['is not JSON', '<html>'],
    ['has too many keys', JSON.stringify({ keys: Array.from({ length: 101 }, () => ({})) })],
    ['is not a list', JSON.stringify({ keys: 'a' })],
  ])('refuses a list of keys that %s', async (_name, body) => {
    send('/jwks', body);
    expect(await problem(await issuer.sign(claims()))).toMatch(/cannot be asked|JSON|no list/);
  });

  it('uses no key that is symmetric or of an unusual size', async () => {
    const jwk = (key: KeyObject) => key.export({ format: 'jwk' });
    const { kid, publicKey } = issuer.currentKey;
    const huge = { ...jwk(publicKey), kid, n: 'x'.repeat(3000) };
    const exponent = { ...jwk(publicKey), kid, e: 'x'.repeat(400) };
    const symmetric = { kty: 'oct', kid, k: encode('secret') };
    send('/jwks', JSON.stringify({ keys: [huge, exponent, symmetric] }));
    expect(await problem(await issuer.sign(claims()))).toMatch(/no key/);
  });

  it('asks an issuer that failed again after ten seconds', async () => {
    send('/jwks', '', 500);
    const token = await issuer.sign(claims());
    expect(await problem(token)).toMatch(/HTTP 500/);
    issuer.answers.clear();
    expect(await problem(token)).toMatch(/HTTP 500/);
    now += 10_000;
    expect(await verify(token)).toBeDefined();
  });

  it('uses the last keys for a while if the issuer is away when an hour has passed', async () => {
    const later = Math.floor(now / 1000) + 20_000;
    const token = await issuer.sign(claims({ exp: later }));
    await verify(token);
    send('/jwks', '', 503);
    now += 61 * 60_000;
    expect(await verify(token)).toBeDefined();
    now += 60 * 60_000;
    expect(await problem(token)).toMatch(/HTTP 503/);
  });
});
