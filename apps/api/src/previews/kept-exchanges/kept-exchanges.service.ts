import { Inject, Injectable } from '@nestjs/common';
import {
  type KeptBodiesQuery,
  type KeptExchangeFilter,
  type KeptExchangePage,
  type KeptExchangeQuery,
  type KeptExchangeResource,
  ProblemError,
} from '@culvert/contract';
import type { Preview, Store } from '@culvert/domain';
import { type ExchangeDocument, type ExchangeOwner, ExchangeVault } from '@culvert/exchanges';
import { SETTINGS, STORE } from '@culvert/nest';
import { previewUrl, type Settings } from '@culvert/runtime';
import { KeyRing } from '@culvert/sealing';
import type { Caller } from '../../http/auth/caller.js';
import { AuditLog } from '../../team/audit-events/audit-log.js';
import { PreviewsService } from '../previews.service.js';
import { archiveOf } from './kept-archive.js';
import { KeptExchangeSearch, toKeptResource } from './kept-exchange-search.js';
import { ReadingLog } from './reading-log.js';
import { SearchSlots } from './search-slots.js';

/** Kept exchanges of previews, for members of the team and its keys. */
@Injectable()
export class KeptExchangesService {
  /** Null: the deployment has no encryption key. */
  private readonly vault: ExchangeVault | null;
  private readonly readings: ReadingLog;
  private readonly slots = new SearchSlots();

  constructor(
    @Inject(STORE) private readonly store: Store,
    @Inject(SETTINGS) private readonly settings: Settings,
    private readonly previews: PreviewsService,
    private readonly audit: AuditLog,
  ) {
    const ring = KeyRing.parse(settings.encryptionKeys);
    this.vault = ring && new ExchangeVault(ring, store.keptExchanges);
    this.readings = new ReadingLog(audit);
  }

  async list(caller: Caller, previewId: string, query: KeptExchangeQuery): Promise<KeptExchangePage> {
    const { limit, cursor, ...filter } = query;
    const { preview, search } = await this.search(caller, previewId, filter);
    const page = await this.slots.run(caller.teamId, () => search.page(limit, cursor));
    await this.readings.record(caller, preview);
    return page;
  }

  /**
   * Sends the JSON of an HTTP archive in parts.
   * @param send sends the parts. What can fail at the start fails before: a later failure leaves half a file
   */
  async archive(
    caller: Caller,
    previewId: string,
    filter: KeptExchangeFilter,
    send: (parts: AsyncIterable<string>) => Promise<void>,
  ): Promise<void> {
    const { preview, search } = await this.search(caller, previewId, filter);
    await this.slots.run(caller.teamId, async () => {
      await this.audit.record(caller, 'preview.read-kept', targetOf(preview), { after: { export: true } });
      const origin = previewUrl(this.settings, preview.hostname);
      await send(archiveOf((cursor) => search.page(ARCHIVE_PAGE, cursor), origin));
    });
  }

  async show(
    caller: Caller,
    previewId: string,
    exchangeId: string,
    { bodies }: KeptBodiesQuery,
  ): Promise<KeptExchangeResource> {
    const preview = await this.previews.find(caller, previewId);
    if (bodies) demandBodies(caller);
    const owner = ownerOf(preview);
    const row = await this.store.keptExchanges.find(owner.teamId, owner.previewId, exchangeId, new Date());
    if (row === null) throw notKept(exchangeId);
    const reader = await this.demandVault().reader(owner);
    const shown = toKeptResource(bodies ? row : { ...row, sealedBodies: null }, reader);
    if (shown.kind === 'unreadable') {
      const opened = reader.open(row);
      const missing = 'missingKeyId' in opened ? opened.missingKeyId : null;
      throw new ProblemError('exchange_not_readable', {
        detail:
          missing === null
            ? 'it was changed in the database, or its data key was'
            : `it needs the encryption key ${missing}, which the server does not have`,
      });
    }
    await this.readings.record(caller, preview);
    return shown;
  }

  async remove(caller: Caller, previewId: string, exchangeId: string): Promise<void> {
    const preview = await this.previews.find(caller, previewId);
    if (!(await this.store.keptExchanges.remove(caller.teamId, previewId, exchangeId)))
      throw notKept(exchangeId);
    await this.audit.record(caller, 'preview.delete-kept', targetOf(preview), { after: { count: 1 } });
  }

  async removeAll(caller: Caller, previewId: string): Promise<void> {
    const preview = await this.previews.find(caller, previewId);
    const count = await this.store.keptExchanges.removeAll(caller.teamId, previewId);
    if (count > 0)
      await this.audit.record(caller, 'preview.delete-kept', targetOf(preview), { after: { count } });
  }

  /** Returns an exchange to repeat; null if it is not kept, or cannot be read. The caller may change the preview. */
  async findDocument(owner: ExchangeOwner, exchangeId: string): Promise<ExchangeDocument | null> {
    const row = await this.store.keptExchanges.find(owner.teamId, owner.previewId, exchangeId, new Date());
    if (row === null || row.omitted > 0 || this.vault === null) return null;
    const opened = (await this.vault.reader(owner)).open(row);
    return 'exchange' in opened ? opened : null;
  }

  private async search(caller: Caller, previewId: string, filter: KeptExchangeFilter) {
    const preview = await this.previews.find(caller, previewId);
    if (filter.bodies) demandBodies(caller);
    const owner = ownerOf(preview);
    const reader = await this.demandVault().reader(owner);
    return { preview, search: new KeptExchangeSearch(this.store.keptExchanges, reader, owner, filter) };
  }

  private demandVault(): ExchangeVault {
    if (this.vault !== null) return this.vault;
    throw new ProblemError('keeping_not_available');
  }
}

/** Exchanges of an archive that are in memory at once. */
const ARCHIVE_PAGE = 50;

function demandBodies({ scopes }: Caller): void {
  if (!scopes.includes('previews:write'))
    throw new ProblemError('insufficient_scope', { detail: 'bodies need the scope previews:write' });
}

function ownerOf({ teamId, id }: Preview): ExchangeOwner {
  return { teamId, previewId: id };
}

function targetOf({ id, hostname }: Preview) {
  return { id, name: hostname };
}

function notKept(id: string): ProblemError {
  return new ProblemError('not_found', { detail: `exchange ${id} is not kept` });
}
