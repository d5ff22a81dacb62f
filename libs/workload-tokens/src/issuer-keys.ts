import type { HttpClient } from '@culvert/outbound';
import { createLocalJWKSet, type JWTVerifyGetKey } from 'jose';
import { fetchIssuerKeys } from './issuer-documents.js';
import { TokenProblem } from './token-problem.js';

/** Time for which fetched keys are used without asking again. */
const FRESH_MS = 60 * 60_000;
/** Shortest time between two requests for the keys of one issuer. Tokens with invented key IDs cannot cause more. */
const MIN_INTERVAL_MS = 30_000;
/** Time for which an issuer that failed is not asked again. */
const FAILURE_MS = 10_000;
/** Issuers of teams whose keys are kept. The one that was used least recently makes room. */
const MAX_ISSUERS = 256;

export interface IssuerKeysOptions {
  /** Client that does not connect to private addresses. */
  readonly publicHttp: HttpClient;
  /** Client for the issuers in `internalIssuers`, which may be in private networks. */
  readonly internalHttp: HttpClient;
  readonly internalIssuers: readonly string[];
  /** Issuers that many teams share. Their keys, and those of `internalIssuers`, never make room for others. */
  readonly sharedIssuers?: readonly string[];
  /** Milliseconds since 1970. Default: the clock of this machine. */
  readonly now?: () => number;
}

interface Entry {
  readonly keys: JWTVerifyGetKey;
  readonly fetchedAt: number;
}

/** The public keys of issuers, fetched when they are needed and kept for an hour, or for two while the issuer fails. */
export class IssuerKeys {
  private readonly entries = new Map<string, Entry>();
  private readonly failures = new Map<string, { readonly problem: TokenProblem; readonly at: number }>();
  private readonly fetching = new Map<string, Promise<Entry>>();
  private readonly internalIssuers: ReadonlySet<string>;
  private readonly keptIssuers: ReadonlySet<string>;
  private readonly now: () => number;

  constructor(private readonly options: IssuerKeysOptions) {
    this.internalIssuers = new Set(options.internalIssuers);
    this.keptIssuers = new Set([...options.internalIssuers, ...(options.sharedIssuers ?? [])]);
    this.now = options.now ?? Date.now;
  }

  /** Returns the keys of an issuer, at most an hour old, or two while the issuer fails. @throws TokenProblem */
  async find(issuer: string): Promise<JWTVerifyGetKey> {
    const entry = this.entries.get(issuer);
    if (entry === undefined || this.now() - entry.fetchedAt >= FRESH_MS) {
      try {
        return (await this.fetch(issuer)).keys;
      } catch (error) {
        // The issuer may fail for a moment only, so its last keys still count for another hour.
        if (entry === undefined || this.now() - entry.fetchedAt >= 2 * FRESH_MS) throw error;
      }
    }
    this.touch(issuer, entry);
    return entry.keys;
  }

  /**
   * Returns newer keys than those that `find` returned, for a token whose key is not among them. Null if the issuer was
   * asked less than 30 seconds ago.
   * @throws TokenProblem
   */
  async findNewer(issuer: string): Promise<JWTVerifyGetKey | null> {
    const entry = this.entries.get(issuer);
    if (entry !== undefined && this.now() - entry.fetchedAt < MIN_INTERVAL_MS) return null;
    return (await this.fetch(issuer)).keys;
  }

  private fetch(issuer: string): Promise<Entry> {
    const failure = this.failures.get(issuer);
    if (failure !== undefined && this.now() - failure.at < FAILURE_MS) return Promise.reject(failure.problem);
    let running = this.fetching.get(issuer);
    if (running === undefined) {
      running = this.fetchNow(issuer).finally(() => this.fetching.delete(issuer));
      this.fetching.set(issuer, running);
    }
    return running;
  }

  private async fetchNow(issuer: string): Promise<Entry> {
    const { publicHttp, internalHttp } = this.options;
    const own = this.internalIssuers.has(issuer) ? internalHttp : publicHttp;
    try {
      const documents = await fetchIssuerKeys(issuer, { own, other: publicHttp });
      const entry = { keys: createLocalJWKSet(documents), fetchedAt: this.now() };
      this.failures.delete(issuer);
      this.touch(issuer, entry);
      return entry;
    } catch (error) {
      if (error instanceof TokenProblem) {
        this.failures.delete(issuer);
        this.failures.set(issuer, { problem: error, at: this.now() });
        this.dropOldest(this.failures);
      }
      throw error;
    }
  }

  private touch(issuer: string, entry: Entry): void {
    this.entries.delete(issuer);
    this.entries.set(issuer, entry);
    this.dropOldest(this.entries);
  }

  /** Makes room for the issuers of teams, whose number has a limit. */
  private dropOldest(map: Map<string, unknown>): void {
    if (map.size <= MAX_ISSUERS + this.keptIssuers.size) return;
    const oldest = [...map.keys()].find((issuer) => !this.keptIssuers.has(issuer));
    if (oldest !== undefined) map.delete(oldest);
  }
}
