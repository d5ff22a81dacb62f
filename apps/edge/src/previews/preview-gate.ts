import { type ApiKey, hashApiKeySecret, isApiKeyUsable, type Store } from '@culvert/domain';
import { Field, type RequestHead } from '@culvert/http1';
import type { AccessGate, Route, Verdict } from '@culvert/relay';

/** How long a key that was found is remembered, should the event of its revocation get lost. */
const KEY_TTL_MS = 10_000;
const MAX_KEYS = 10_000;
const MAX_SECRET_LENGTH = 512;

/**
 * Who may open a preview: anyone when it is public, otherwise who shows a key of its team. To the holder of
 * another team's key a private preview looks like a missing one.
 */
export class PreviewGate implements AccessGate {
  private readonly keys = new Map<string, { readonly key: ApiKey; readonly knownSince: number }>();
  /** Counts what was forgotten: a key read before that moment must not be kept after it. */
  private generation = 0;

  constructor(private readonly store: Store) {}

  check(route: Route, request: RequestHead): Verdict | Promise<Verdict> {
    if (route.access === 'public') return 'allow';
    const i = request.find(Field.API_KEY);
    if (i < 0) return 'access_denied';
    const secret = request.value(i);
    return secret.length > MAX_SECRET_LENGTH ? 'access_denied' : this.checkKey(route, secret);
  }

  /** Forgets a key at once. */
  forgetKey(apiKeyId: string): void {
    this.generation++;
    for (const [hash, { key }] of this.keys) if (key.id === apiKeyId) this.keys.delete(hash);
  }

  /** Forgets all keys, after events may have been lost. */
  forgetAllKeys(): void {
    this.generation++;
    this.keys.clear();
  }

  private async checkKey(route: Route, secret: string): Promise<Verdict> {
    const key = await this.findKey(hashApiKeySecret(secret));
    if (key === null || !isApiKeyUsable(key, new Date()) || !key.scopes.includes('previews:read')) {
      return 'access_denied';
    }
    return key.teamId === route.teamId ? 'allow' : 'unknown_host';
  }

  private async findKey(hash: string): Promise<ApiKey | null> {
    const known = this.keys.get(hash);
    if (known && performance.now() - known.knownSince < KEY_TTL_MS) return known.key;
    const { generation } = this;
    const key = await this.store.apiKeys.findByHash(hash);
    if (key && generation === this.generation) {
      if (this.keys.size >= MAX_KEYS) this.keys.clear();
      this.keys.set(hash, { key, knownSince: performance.now() });
    }
    return key;
  }
}
