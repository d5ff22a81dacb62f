import { generateKeyPairSync, randomUUID, type KeyObject } from 'node:crypto';
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { SignJWT } from 'jose';
import { createTestCertificate, type TestCertificate } from './certificate.js';

interface SigningKey {
  readonly kid: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

export interface TokenOptions {
  readonly alg?: string;
  /** ID of the key in the header. Default: that of the current key. */
  readonly kid?: string;
  /** Key to sign with instead of the current one. */
  readonly key?: KeyObject | Uint8Array;
}

/** The first key of every issuer in this process: a key takes up to a second to make. */
let firstKey: SigningKey | undefined;

function createKey(): SigningKey {
  return { kid: randomUUID(), ...generateKeyPairSync('rsa', { modulusLength: 2048 }) };
}

/** An OpenID Connect issuer on this machine, over TLS with its own authority, as platforms of CI jobs have one. */
export class TokenIssuer {
  /** Paths of the requests so far. */
  readonly seen: string[] = [];
  /** Replaces the response to a path. */
  readonly answers = new Map<string, (response: ServerResponse) => void>();
  private keys: SigningKey[] = [(firstKey ??= createKey())];

  private constructor(
    readonly url: string,
    /** PEM of the authority to trust. */
    readonly ca: string,
    readonly close: () => Promise<void>,
  ) {}

  static async start(
    certificate: TestCertificate = createTestCertificate(['127.0.0.1']),
  ): Promise<TokenIssuer> {
    const server = createServer(certificate, (request, response) =>
      issuer.handle(request.url ?? '', response),
    );
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const issuer = new TokenIssuer(url, certificate.cert, async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    });
    return issuer;
  }

  /** Makes the issuer sign with a new key. It no longer publishes the former ones. */
  rotate(): void {
    this.keys = [createKey()];
  }

  get currentKey(): SigningKey {
    const [key] = this.keys;
    if (key === undefined) throw new Error('the issuer has no key');
    return key;
  }

  /**
   * Returns a token of five minutes.
   * @param claims claims beside or instead of the usual ones; undefined leaves one out
   */
  sign(claims: Record<string, unknown>, { alg = 'RS256', kid, key }: TokenOptions = {}): Promise<string> {
    const now = Math.floor(Date.now() / 1000);
    const payload = { iss: this.url, sub: 'subject', iat: now, nbf: now, exp: now + 300, ...claims };
    const header = { alg, kid: kid ?? this.currentKey.kid, typ: 'JWT' };
    return new SignJWT(payload).setProtectedHeader(header).sign(key ?? this.currentKey.privateKey);
  }

  private handle(path: string, response: ServerResponse): void {
    this.seen.push(path);
    const answer = this.answers.get(path);
    if (answer !== undefined) return answer(response);
    if (path === '/.well-known/openid-configuration')
      return sendJson(response, { issuer: this.url, jwks_uri: `${this.url}/jwks` });
    if (path !== '/jwks') return void response.writeHead(404).end();
    const keys = this.keys.map(({ kid, publicKey }) => ({
      ...publicKey.export({ format: 'jwk' }),
      kid,
      use: 'sig',
      alg: 'RS256',
    }));
    return sendJson(response, { keys });
  }
}

function sendJson(response: ServerResponse, body: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
