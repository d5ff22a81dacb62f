/** Who may come to the meeting point: docs/cluster.md §1. Of what is presented only hashes are kept. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Fetch } from '@culvert/outbound';
import { RateLimit } from '@culvert/tunnel';
import { CulvertApi, CulvertApiError, type Me } from '../culvert/culvert-api.js';

/** HTTP status of the answer to an upgrade; 101: welcome. */
export type Verdict = 101 | 401 | 403 | 429 | 503;

export interface AuthenticatorOptions {
  readonly url: URL;
  /** The traffic manager's own key. */
  readonly apiKey: () => Promise<string>;
  /** How Culvert is asked. */
  readonly fetch: Fetch;
  /** Null: only API keys are taken. */
  readonly clusterSecret: string | null;
}

const SCOPE = 'intercepts:write';

/** How long Culvert's answer about a key counts, and how long it may while Culvert cannot be asked. */
const FRESH_MS = 60_000;
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
  private readonly wrong = new RateLimit(MAX_WRONG_PER_SECOND);
  private ownTeam: string | null = null;

  constructor(
    private readonly options: AuthenticatorOptions,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.secretHash = options.clusterSecret === null ? null : sha256(options.clusterSecret);
  }

  /** @param authorization the header's value */
  async judge(authorization: string | undefined): Promise<Verdict> {
    const credential = /^Bearer ([!-~]{1,512})$/i.exec(authorization ?? '')?.[1];
    const verdict = credential === undefined ? 401 : await this.judgeCredential(credential);
    return verdict === 401 && this.wrong.exceeds() ? 429 : verdict;
  }

  private async judgeCredential(credential: string): Promise<Verdict> {
    const hash = sha256(credential);
    if (this.secretHash !== null && timingSafeEqual(hash, this.secretHash)) return 101;
    const own = await this.options.apiKey();
    if (timingSafeEqual(hash, sha256(own))) return 101;
    // Anything else has to be asked for: at most for what looks like a key.
    const name = hash.toString('hex');
    const known = this.known.get(name);
    if (known && this.now() - known.askedAt < FRESH_MS) return known.verdict;
    try {
      const verdict = await this.ask(credential, own);
      this.remember(name, verdict);
      return verdict;
    } catch (error) {
      if (!(error instanceof CulvertApiError)) throw error;
      return known && known.verdict === 101 && this.now() - known.askedAt < STALE_MS ? 101 : 503;
    }
  }

  /** Rejects with CulvertApiError when Culvert cannot be asked. */
  private async ask(credential: string, own: string): Promise<Verdict> {
    const asked = await this.me(credential);
    if (asked === null) return 401;
    this.ownTeam ??= (await this.me(own))?.team?.id ?? null;
    if (this.ownTeam === null)
      throw new CulvertApiError(401, "Culvert does not accept the traffic manager's key");
    return asked.team?.id === this.ownTeam && asked.scopes.includes(SCOPE) ? 101 : 403;
  }

  private async me(key: string): Promise<Me | null> {
    const { url, fetch } = this.options;
    try {
      return await new CulvertApi(url, () => Promise.resolve(key), fetch).me();
    } catch (error) {
      if (error instanceof CulvertApiError && error.status === 401) return null;
      throw error;
    }
  }

  private remember(name: string, verdict: Verdict): void {
    this.known.delete(name);
    this.known.set(name, { verdict, askedAt: this.now() });
    for (const oldest of this.known.keys()) {
      if (this.known.size <= MAX_KNOWN) break;
      this.known.delete(oldest);
    }
  }
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
