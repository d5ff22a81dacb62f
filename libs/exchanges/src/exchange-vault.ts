/** Encrypts the exchanges of previews, each preview with a data key of its own, and decrypts them. */
import { randomUUID } from 'node:crypto';
import type { Exchange, ExchangeBodies } from '@culvert/contract';
import type {
  KeptExchange,
  KeptExchangeDraft,
  KeptExchangeKey,
  KeptExchangeRepository,
} from '@culvert/domain';
import { type DataKey, type KeyRing, SealBrokenError, UnknownKeyError } from '@culvert/sealing';

/** Data keys that are remembered; the one that was used least recently is forgotten first. */
const MAX_REMEMBERED_KEYS = 10_000;

/** The preview to which exchanges belong. */
export interface ExchangeOwner {
  readonly teamId: string;
  readonly previewId: string;
}

/** An exchange that has ended, as it is stored: whatever fields its version has. */
export interface ExchangeDocument {
  readonly exchange: Exchange;
  readonly bodies: ExchangeBodies | null;
}

/** An exchange as it is sealed. */
export interface WrittenExchange {
  readonly id: string;
  readonly startedAt: string;
  /** JSON of the exchange, and of its bodies; null: none are kept. */
  readonly exchange: string;
  readonly bodies: string | null;
}

/** Returns an exchange as it is sealed. */
export function writeExchange({ exchange, bodies }: ExchangeDocument): WrittenExchange {
  return {
    id: exchange.id,
    startedAt: exchange.startedAt,
    exchange: JSON.stringify(exchange),
    bodies: bodies && JSON.stringify(bodies),
  };
}

/** Why an exchange cannot be read. */
export interface Unreadable {
  /** ID of the missing key; null: the exchange was changed in the database. */
  readonly missingKeyId: string | null;
}

interface OpenKey {
  readonly id: string;
  readonly key: DataKey;
}

export class ExchangeVault {
  private readonly writingKeys = new Map<string, OpenKey>();

  constructor(
    private readonly ring: KeyRing,
    private readonly store: Pick<KeptExchangeRepository, 'findKeys' | 'addKey'>,
  ) {}

  /**
   * Returns exchanges sealed for storage. Null if the preview does not exist.
   * @throws StoreUnavailableError if its key cannot be looked up
   */
  async seal(owner: ExchangeOwner, written: readonly WrittenExchange[]): Promise<KeptExchangeDraft[] | null> {
    const key = await this.writingKey(owner);
    return key && written.map((exchange) => sealOne(key, owner, exchange));
  }

  /** Forgets the key of a preview, which may not exist any longer. */
  forget({ previewId }: ExchangeOwner): void {
    this.writingKeys.delete(previewId);
  }

  /** Returns a reader of the preview's exchanges. */
  async reader(owner: ExchangeOwner): Promise<ExchangeReader> {
    const keys = new Map<string, DataKey | Unreadable>();
    for (const stored of await this.store.findKeys(owner.teamId, owner.previewId))
      keys.set(stored.id, this.openKey(owner, stored));
    return new ExchangeReader(owner, keys);
  }

  /** Returns a data key sealed with the current key. @throws UnknownKeyError, SealBrokenError */
  reseal(owner: ExchangeOwner, { id, sealedWith, sealed }: KeptExchangeKey): KeptExchangeKey {
    const renewed = this.ring.reseal({ keyId: sealedWith, sealed }, placeOfKey(owner, id));
    return { id, sealedWith: renewed.keyId, sealed: renewed.sealed };
  }

  private async writingKey(owner: ExchangeOwner): Promise<OpenKey | null> {
    const { previewId } = owner;
    const key = this.writingKeys.get(previewId) ?? (await this.findWritingKey(owner));
    if (key === null) return null;
    this.writingKeys.delete(previewId);
    this.writingKeys.set(previewId, key);
    if (this.writingKeys.size > MAX_REMEMBERED_KEYS)
      for (const oldest of this.writingKeys.keys()) {
        this.writingKeys.delete(oldest);
        break;
      }
    return key;
  }

  private async findWritingKey(owner: ExchangeOwner): Promise<OpenKey | null> {
    const { teamId, previewId } = owner;
    for (const stored of await this.store.findKeys(teamId, previewId)) {
      const key = this.openKey(owner, stored);
      if ('seal' in key) return { id: stored.id, key };
    }
    const id = randomUUID();
    const { key, wrapped } = this.ring.createDataKey(placeOfKey(owner, id));
    const stored = { id, sealedWith: wrapped.keyId, sealed: wrapped.sealed };
    return (await this.store.addKey(teamId, previewId, stored)) ? { id, key } : null;
  }

  private openKey(owner: ExchangeOwner, { id, sealedWith, sealed }: KeptExchangeKey): DataKey | Unreadable {
    try {
      return this.ring.unwrap({ keyId: sealedWith, sealed }, placeOfKey(owner, id));
    } catch (error) {
      return unreadable(error);
    }
  }
}

/** Decrypts exchanges of one preview. */
export class ExchangeReader {
  constructor(
    private readonly owner: ExchangeOwner,
    private readonly keys: ReadonlyMap<string, DataKey | Unreadable>,
  ) {}

  /** Returns an exchange, and its bodies if the row has them. */
  open({ id, keyId, sealed, sealedBodies }: KeptExchange): ExchangeDocument | Unreadable {
    const key = keyId === null ? undefined : this.keys.get(keyId);
    if (key === undefined || sealed === null) return { missingKeyId: null };
    if (!('open' in key)) return key;
    try {
      const read = (bytes: Uint8Array, part: Part): unknown =>
        JSON.parse(key.open(bytes, placeOf(this.owner, id, part)).toString());
      return {
        exchange: read(sealed, 'exchange') as Exchange,
        bodies: sealedBodies === null ? null : (read(sealedBodies, 'bodies') as ExchangeBodies),
      };
    } catch (error) {
      return unreadable(error);
    }
  }
}

type Part = 'exchange' | 'bodies';

function sealOne(
  { id: keyId, key }: OpenKey,
  owner: ExchangeOwner,
  written: WrittenExchange,
): KeptExchangeDraft {
  const { id, startedAt, exchange, bodies } = written;
  const seal = (text: string, part: Part): Buffer => key.seal(Buffer.from(text), placeOf(owner, id, part));
  return {
    id,
    startedAt: new Date(startedAt),
    omitted: 0,
    keyId,
    sealed: seal(exchange, 'exchange'),
    sealedBodies: bodies === null ? null : seal(bodies, 'bodies'),
  };
}

/** Part of the sealed form, so that a row that is copied to another team, preview or exchange cannot be opened. */
function placeOf({ teamId, previewId }: ExchangeOwner, id: string, part: Part): string[] {
  return ['kept_exchange', teamId, previewId, id, part];
}

function placeOfKey({ teamId, previewId }: ExchangeOwner, id: string): string[] {
  return ['kept_exchange_key', teamId, previewId, id];
}

function unreadable(error: unknown): Unreadable {
  if (error instanceof UnknownKeyError) return { missingKeyId: error.keyId };
  if (error instanceof SealBrokenError) return { missingKeyId: null };
  throw error;
}
