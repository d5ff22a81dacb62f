/**
 * The rules for making, renewing, changing, removing and restoring previews, for every way that asks for it: people and
 * programs through the API, and Telepresence's traffic managers through an edge. Each rule ends the same way: the store
 * commits, edges and watchers are told, and the audit log gets its entry. Who may do it is for the caller to check.
 */
import { randomUUID } from 'node:crypto';
import {
  type Actor,
  type AuditLog,
  type EndedPreview,
  generatePreviewLabel,
  HostnameTakenError,
  type Ingress,
  type Intercept,
  type InterceptDraft,
  type Preview,
  type PreviewAnnouncer,
  type PreviewChange,
  type PreviewDraft,
  type PreviewRequest,
  type PreviewRequestRefusal,
  type Repositories,
  SYSTEM,
  type TeamActor,
  TeamLimitError,
} from '@culvert/domain';
import { auditedFields, auditedIntercept, auditedPreview, targetOfPreview } from './audited.js';

/** With 82 random bits, even one collision means that the random source is broken. */
const HOSTNAME_ATTEMPTS = 3;

export interface PreviewRulesOptions {
  readonly store: Pick<Repositories, 'intercepts' | 'previews' | 'requestedPreviews'>;
  readonly audit: AuditLog;
  readonly announcer: PreviewAnnouncer;
  /** The domain that hostnames are made in. */
  readonly previewDomain: string;
  /** Previews that a team may have. */
  readonly maxPreviews: number;
}

/** What the maker of a preview decides; the rules choose its hostname. */
export type NewPreview = Omit<PreviewDraft, 'hostname' | 'interceptId'>;

/** `not-found`: the intercept or the traffic manager does not exist any more. */
export type MadePreview =
  | { readonly ok: true; readonly preview: Preview }
  | { readonly ok: false; readonly reason: 'limit-reached' | 'not-found' };

/** What a traffic manager decides of the preview that it asks for. */
export type AskedPreview = Omit<PreviewRequest, 'preview' | 'maxPreviews' | 'at'> & {
  readonly preview: NewPreview;
};

export type OpenedPreview =
  | { readonly ok: true; readonly preview: Preview }
  | { readonly ok: false; readonly reason: PreviewRequestRefusal };

/** Who has a preview of a traffic manager removed, and when. */
export interface Closing {
  /** Default: Culvert itself. */
  readonly actor?: Actor;
  /** What was changed or asked for later than this stays. Default: now. */
  readonly calledAt?: Date;
}

/** What traffic managers show of an intercept while it lasts. */
export type InterceptStatus = Pick<Intercept, 'disposition' | 'message' | 'headers' | 'metadata'>;

export class PreviewRules {
  private readonly options: PreviewRulesOptions;

  constructor(options: PreviewRulesOptions) {
    this.options = options;
  }

  /** Previews that a team may have. */
  get maxPreviews(): number {
    return this.options.maxPreviews;
  }

  /** Makes a preview of an intercept that exists. */
  create(by: TeamActor, interceptId: string, fields: NewPreview): Promise<MadePreview> {
    const { store, maxPreviews } = this.options;
    return this.make(by, (hostname) =>
      store.previews.create(by.teamId, { ...fields, interceptId, hostname }, maxPreviews),
    );
  }

  /** Makes an intercept and its first preview, both or neither. */
  async createWithIntercept(
    by: TeamActor,
    intercept: InterceptDraft,
    fields: NewPreview,
  ): Promise<MadePreview> {
    const { store, maxPreviews } = this.options;
    const id = newInterceptId(intercept.name);
    return this.make(
      by,
      (hostname) =>
        store.previews.createWithIntercept(by.teamId, id, intercept, { ...fields, hostname }, maxPreviews),
      { isWithIntercept: true },
    );
  }

  /**
   * Makes the intercept and the preview that a traffic manager asks for, or renews those that it asked for before.
   * @throws InvalidTextError when text of the request cannot be stored
   */
  async open(by: TeamActor, asked: AskedPreview): Promise<OpenedPreview> {
    const { store, announcer, maxPreviews } = this.options;
    const { teamId } = by;
    const opened = await this.withNewHostname((hostname) =>
      store.requestedPreviews.open(teamId, {
        ...asked,
        preview: { ...asked.preview, hostname },
        maxPreviews,
        at: new Date(),
      }),
    );
    if (typeof opened === 'string') return { ok: false, reason: opened };
    const { preview, before } = opened;
    // Edges remember for a while that a hostname is unknown.
    await announcer.previewsChanged([preview.hostname]);
    const change = before === null ? 'created' : 'updated';
    announcer.changed({ teamId, resource: 'intercept', id: preview.interceptId, change });
    if (before === null) await this.recordMade(by, 'preview.create', preview);
    else await this.recordChanged(by, before, preview);
    return { ok: true, preview };
  }

  /** Changes a preview. Null when the team does not have it. */
  async update(by: TeamActor, id: string, change: PreviewChange): Promise<Preview | null> {
    const { store, announcer } = this.options;
    const before = await store.previews.find(by.teamId, id);
    if (before === null) return null;
    const preview = await store.previews.update(by.teamId, id, change);
    if (preview === null) return null;
    await announcer.previewsChanged([preview.hostname]);
    await this.recordChanged(by, before, preview);
    return preview;
  }

  /** Removes a preview, and has its traffic manager told. Null when the team does not have it. */
  async remove(by: TeamActor, id: string): Promise<Preview | null> {
    const { store, announcer } = this.options;
    const preview = await store.previews.remove(by.teamId, id);
    if (preview === null) return null;
    await announcer.previewsRemoved([preview]);
    await this.recordRemoved(by, preview);
    this.interceptChanged(preview.teamId, preview.interceptId);
    return preview;
  }

  /**
   * Brings back the preview that was removed while its traffic manager went on showing it. `not-found`: there is none, or
   * another intercept has its hostname now.
   */
  async restore(by: TeamActor, interceptId: string): Promise<MadePreview> {
    const { store, announcer, maxPreviews } = this.options;
    const preview = await ofLimited(() =>
      // Another intercept may have got the hostname meanwhile.
      store.previews.restore(by.teamId, interceptId, maxPreviews).catch(nullWhenTaken),
    );
    if (preview === null) return { ok: false, reason: 'not-found' };
    if (preview === 'limit-reached') return { ok: false, reason: preview };
    await announcer.previewsChanged([preview.hostname]);
    await this.recordMade(by, 'preview.restore', preview);
    this.interceptChanged(preview.teamId, interceptId);
    return { ok: true, preview };
  }

  /**
   * Removes an intercept with its previews, and has its traffic manager told. False when the team does not have it.
   */
  async removeIntercept(by: TeamActor, intercept: Omit<Intercept, 'removedPreview'>): Promise<boolean> {
    const { store, announcer } = this.options;
    const { id: interceptId, trafficManagerId } = intercept;
    const hostnames = await store.intercepts.remove(by.teamId, interceptId);
    if (hostnames === null) return false;
    await announcer.previewsRemoved(
      hostnames.map((hostname) => ({ hostname, interceptId, trafficManagerId })),
    );
    await this.recordInterceptRemoved(by, intercept, hostnames);
    return true;
  }

  /**
   * Removes a preview for its traffic manager, which is not told of what it knows. Does nothing when the traffic manager
   * has no such preview, or one that is newer than the call.
   */
  async close(teamId: string, managerId: string, hostname: string, closing: Closing = {}): Promise<void> {
    const { actor = SYSTEM, calledAt = new Date() } = closing;
    const { store, announcer } = this.options;
    const preview = await store.requestedPreviews.close(teamId, managerId, hostname, calledAt);
    if (preview === null) return;
    await announcer.previewsChanged([preview.hostname]);
    await this.recordRemoved({ teamId, actor }, preview);
  }

  /** The same for an intercept with its previews. */
  async closeIntercept(
    teamId: string,
    managerId: string,
    interceptId: string,
    closing: Closing = {},
  ): Promise<void> {
    const { actor = SYSTEM, calledAt = new Date() } = closing;
    const { store, announcer } = this.options;
    const closed = await store.requestedPreviews.closeIntercept(teamId, managerId, interceptId, calledAt);
    if (closed === null) return;
    const hostnames = closed.previews.map(({ hostname }) => hostname);
    await announcer.previewsChanged(hostnames);
    await this.recordInterceptRemoved({ teamId, actor }, closed.intercept, hostnames);
  }

  /** Notes that the traffic manager of an intercept no longer shows the removed preview of this hostname. */
  async dropRemoved(teamId: string, interceptId: string, hostname: string): Promise<void> {
    if (await this.options.store.requestedPreviews.dropRemoved(teamId, interceptId, hostname))
      this.interceptChanged(teamId, interceptId);
  }

  /** Keeps what a traffic manager shows of an intercept. It is not audited: nobody decided it. */
  async followIntercept(teamId: string, id: string, shown: InterceptStatus): Promise<void> {
    await this.options.store.intercepts.update(teamId, id, shown);
    this.interceptChanged(teamId, id);
  }

  /** Has a preview enter the cluster where its traffic manager says. It is not audited: nobody decided it. */
  async followIngress(
    { id, teamId, hostname }: Pick<Preview, 'id' | 'teamId' | 'hostname'>,
    ingress: Ingress,
  ): Promise<void> {
    const { store, announcer } = this.options;
    await store.previews.update(teamId, id, { ingress });
    await announcer.previewsChanged([hostname]);
    announcer.changed({ teamId, resource: 'preview', id, change: 'updated' });
  }

  /** Announces and records previews that the store has removed since their time was over. */
  async recordEnded(ended: readonly EndedPreview[]): Promise<void> {
    const { audit, announcer } = this.options;
    await announcer.previewsRemoved(ended.map(({ preview }) => preview));
    for (const { preview, reason } of ended) {
      const by = { teamId: preview.teamId, actor: SYSTEM };
      await audit.record(by, 'preview.end', targetOfPreview(preview), {
        before: auditedPreview(preview),
        after: { reason, lastUsedAt: preview.lastUsedAt?.toISOString() ?? null },
      });
    }
  }

  private async make(
    by: TeamActor,
    insert: (hostname: string) => Promise<Preview | null>,
    { isWithIntercept = false } = {},
  ): Promise<MadePreview> {
    const { announcer } = this.options;
    const { teamId } = by;
    const preview = await ofLimited(() => this.withNewHostname(insert));
    if (preview === null) return { ok: false, reason: 'not-found' };
    if (preview === 'limit-reached') return { ok: false, reason: preview };
    // Edges remember for a while that a hostname is unknown.
    await announcer.previewsChanged([preview.hostname]);
    if (isWithIntercept)
      announcer.changed({ teamId, resource: 'intercept', id: preview.interceptId, change: 'created' });
    await this.recordMade(by, 'preview.create', preview);
    return { ok: true, preview };
  }

  private async withNewHostname<Inserted>(
    insert: (hostname: string) => Promise<Inserted>,
  ): Promise<Inserted> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await insert(`${generatePreviewLabel()}.${this.options.previewDomain}`);
      } catch (error) {
        if (!(error instanceof HostnameTakenError) || attempt === HOSTNAME_ATTEMPTS) throw error;
      }
    }
  }

  private recordMade(
    by: TeamActor,
    action: 'preview.create' | 'preview.restore',
    preview: Preview,
  ): Promise<void> {
    return this.options.audit.record(by, action, targetOfPreview(preview), {
      after: auditedPreview(preview),
    });
  }

  /** A header whose value alone changed shows as its name, before and after. */
  private recordChanged(by: TeamActor, before: Preview, after: Preview): Promise<void> {
    return this.options.audit.recordChange(by, 'preview.update', targetOfPreview(after), {
      before,
      after,
      fields: auditedFields(after),
      show: auditedPreview,
    });
  }

  private recordRemoved(by: TeamActor, preview: Preview): Promise<void> {
    return this.options.audit.record(by, 'preview.delete', targetOfPreview(preview), {
      before: auditedPreview(preview),
    });
  }

  private recordInterceptRemoved(
    by: TeamActor,
    intercept: Pick<Intercept, 'id' | 'name' | 'workload' | 'namespace'>,
    hostnames: readonly string[],
  ): Promise<void> {
    return this.options.audit.record(by, 'intercept.delete', intercept, {
      before: auditedIntercept(intercept, hostnames),
    });
  }

  /** Announces that an intercept may have a removed preview to restore now, or may not any more. */
  private interceptChanged(teamId: string, id: string): void {
    this.options.announcer.changed({ teamId, resource: 'intercept', id, change: 'updated' });
  }
}

/** Makes an id for a new intercept: `<uuid>:<name>`, as Telepresence builds it. */
export function newInterceptId(name: string): string {
  return `${randomUUID()}:${name}`;
}

async function ofLimited<Made>(make: () => Promise<Made>): Promise<Made | 'limit-reached'> {
  try {
    return await make();
  } catch (error) {
    if (error instanceof TeamLimitError) return 'limit-reached';
    throw error;
  }
}

function nullWhenTaken(error: unknown): null {
  if (error instanceof HostnameTakenError) return null;
  throw error;
}
