/** Decides who may connect to the meeting point: docs/cluster.md §1. Only hashes of credentials are kept. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { RateWindow } from '@culvert/flow';
import type { ApiTransport } from '@culvert/api-client';
import { createCulvertApi, CulvertApiError, type Me } from '../culvert/culvert-api.js';

/** HTTP status of the response to an upgrade; 101: accepted. */
export type Verdict = 101 | 401 | 403 | 429 | 503;

export interface AuthenticatorOptions {
  readonly url: URL;
  /** The traffic manager's own key. */
  readonly apiKey: () => Promise<string>;
  /** How to ask Culvert. */
  readonly http: ApiTransport;
  /** Null: only API keys are accepted. */
  readonly clusterSecret: string | null;
}

const SCOPE = 'intercepts:write';

/** How long Culvert's answer about a credential is valid, and how long while Culvert cannot be asked. */
const FRESH_MS = 1000;
const STALE_MS = 24 * 60 * 60 * 1000;
const MAX_KNOWN = 1000;

const MAX_WRONG_PER_SECOND = 10;

interface Known {
  readonly verdict: Verdict;
  readonly askedAt: number;
}

export class Authenticator {
  private readonly secretHash: Buffer | null;
  private readonly known = new Map<string, Known>();
  /** Pending questions to Culvert. */
  private readonly asking = new Map<string, Promise<Verdict>>();
  private readonly wrong = new RateWindow(MAX_WRONG_PER_SECOND, 1000);
  private ownTeam: string | null = null;

  constructor(
    private readonly options: AuthenticatorOptions,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.secretHash = options.clusterSecret === null ? null : sha256(options.clusterSecret);
  }

  /**
   * Judges a dialer. The traffic manager's own key is accepted without asking Culvert, which may be unreachable, unless
   * Culvert has refused it before.
   * @param authorization value of the header
   */
  async judge(authorization: string | undefined): Promise<Verdict> {
    const credential = bearerOf(authorization);
    const verdict = credential === null ? 401 : await this.judgeCredential(credential, { mayAskOwn: false });
    return verdict === 401 && this.wrong.exceeds(this.now()) ? 429 : verdict;
  }

  /**
   * Judges the credential of an open tunnel by an answer of Culvert that is at most one second old. 503: Culvert cannot be
   * asked, and its last answer is older than a day. Calls for one credential share one question to Culvert.
   */
  judgeAgain(credential: string): Promise<Verdict> {
    return this.judgeCredential(credential, { mayAskOwn: true });
  }

  private async judgeCredential(
    credential: string,
    { mayAskOwn }: { readonly mayAskOwn: boolean },
  ): Promise<Verdict> {
    const hash = sha256(credential);
    if (this.secretHash !== null && timingSafeEqual(hash, this.secretHash)) return 101;
    const own = await this.options.apiKey();
    const isOwn = timingSafeEqual(hash, sha256(own));
    const name = hash.toString('hex');
    const known = this.known.get(name);
    if (isOwn && !mayAskOwn) return known?.verdict ?? 101;
    if (known && this.now() - known.askedAt < FRESH_MS) return known.verdict;
    try {
      return await this.askOnce(name, credential, own);
    } catch (error) {
      if (!(error instanceof CulvertApiError)) throw error;
      const isKnown = known?.verdict === 101 && this.now() - known.askedAt < STALE_MS;
      return isKnown || isOwn ? 101 : 503;
    }
  }

  private askOnce(name: string, credential: string, own: string): Promise<Verdict> {
    let asking = this.asking.get(name);
    if (asking === undefined) {
      asking = this.ask(credential, own)
        .then((verdict) => this.remember(name, verdict))
        .finally(() => this.asking.delete(name));
      this.asking.set(name, asking);
    }
    return asking;
  }

  /** Rejects with CulvertApiError if Culvert cannot be asked. */
  private async ask(credential: string, own: string): Promise<Verdict> {
    const asked = await this.me(credential);
    if (asked === null) return 401;
    if (credential === own) return 101;
    this.ownTeam ??= (await this.me(own))?.team?.id ?? null;
    if (this.ownTeam === null)
      throw new CulvertApiError(401, "Culvert does not accept the traffic manager's key");
    return asked.team?.id === this.ownTeam && asked.scopes.includes(SCOPE) ? 101 : 403;
  }

  private async me(key: string): Promise<Me | null> {
    const { url, http } = this.options;
    try {
      return await createCulvertApi(url, () => Promise.resolve(key), http).call('getMe');
    } catch (error) {
      if (error instanceof CulvertApiError && error.status === 401) return null;
      throw error;
    }
  }

  private remember(name: string, verdict: Verdict): Verdict {
    this.known.delete(name);
    this.known.set(name, { verdict, askedAt: this.now() });
    for (const oldest of this.known.keys()) {
      if (this.known.size <= MAX_KNOWN) break;
      this.known.delete(oldest);
    }
    return verdict;
  }
}

/** Returns the credential of an `Authorization` header; null for anything else. */
export function bearerOf(authorization: string | undefined): string | null {
  return /^Bearer ([!-~]{1,512})$/i.exec(authorization ?? '')?.[1] ?? null;
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
