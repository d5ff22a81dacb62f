/**
 * The rules for creating, renewing, changing, removing and restoring previews, for every caller: people and programs
 * through the API, and Telepresence's traffic managers through an edge. Each rule ends in the same way: the store
 * commits, edges and watchers are notified, and the audit log gets its entry. The caller checks who is allowed to do
 * it.
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
  type InterceptStatus,
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
  /** Domain of the hostnames. */
  readonly previewDomain: string;
  /** Maximum number of previews of a team. */
  readonly maxPreviews: number;
}

/** Fields that the creator of a preview sets; the rules choose its hostname. */
export type NewPreview = Omit<PreviewDraft, 'hostname' | 'interceptId'>;

/** `not-found`: the intercept or the traffic manager no longer exists. */
export type MadePreview =
  | { readonly ok: true; readonly preview: Preview }
  | { readonly ok: false; readonly reason: 'limit-reached' | 'not-found' };

/** Fields that a traffic manager sets for the preview that it asks for. */
export type AskedPreview = Omit<PreviewRequest, 'preview' | 'maxPreviews' | 'at'> & {
  readonly preview: NewPreview;
};

export type OpenedPreview =
  | { readonly ok: true; readonly preview: Preview }
  | { readonly ok: false; readonly reason: PreviewRequestRefusal };

/** Actor and time of the removal of a preview for a traffic manager. */
export interface Closing {
  /** Default: Culvert itself. */
  readonly actor?: Actor;
  /** Previews that were changed or asked for after this moment stay. Default: now. */
  readonly calledAt?: Date;
}

export class PreviewRules {
  private readonly options: PreviewRulesOptions;

  constructor(options: PreviewRulesOptions) {
    this.options = options;
  }

  /** Maximum number of previews of a team. */
  get maxPreviews(): number {
    return this.options.maxPreviews;
  }

  /** Creates a preview of an existing intercept. */
  create(by: TeamActor, interceptId: string, fields: NewPreview): Promise<MadePreview> {
    const { store, maxPreviews } = this.options;
    return this.make(by, (hostname) =>
      store.previews.create(by.teamId, { ...fields, interceptId, hostname }, maxPreviews),
    );
  }

  /** Creates an intercept and its first preview, both or neither. */
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
   * Creates the intercept and the preview that a traffic manager asks for, or renews those that it asked for before.
   * @throws InvalidTextError if text of the request cannot be stored
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

  /** Changes a preview. Null if the team does not have it. */
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

  /** Removes a preview and notifies its traffic manager. Null if the team does not have it. */
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
   * Restores the preview that was removed while its traffic manager still showed it. `not-found`: there is none, or
   * another intercept has its hostname now.
   */
  async restore(by: TeamActor, interceptId: string): Promise<MadePreview> {
    const { store, announcer, maxPreviews } = this.options;
    const preview = await ofLimited(() =>
      // Another intercept may have got the hostname in the meantime.
      store.previews.restore(by.teamId, interceptId, maxPreviews).catch(nullWhenTaken),
    );
    if (preview === null) return { ok: false, reason: 'not-found' };
    if (preview === 'limit-reached') return { ok: false, reason: preview };
    await announcer.previewsChanged([preview.hostname]);
    await this.recordMade(by, 'preview.restore', preview);
    this.interceptChanged(preview.teamId, interceptId);
    return { ok: true, preview };
  }

  /** Removes an intercept with its previews, and notifies its traffic manager. False if the team does not have it. */
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
   * Removes a preview for its traffic manager, which needs no notification. Does nothing if the traffic manager has no
   * such preview, or if it is newer than the call.
   */
  async close(teamId: string, managerId: string, hostname: string, closing: Closing = {}): Promise<void> {
    const { actor = SYSTEM, calledAt = new Date() } = closing;
    const { store, announcer } = this.options;
    const preview = await store.requestedPreviews.close(teamId, managerId, hostname, calledAt);
    if (preview === null) return;
    await announcer.previewsChanged([preview.hostname]);
    await this.recordRemoved({ teamId, actor }, preview);
  }

  /** Does the same for an intercept with its previews. */
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

  /** Records that the traffic manager of an intercept no longer shows the removed preview with this hostname. */
  async dropRemoved(teamId: string, interceptId: string, hostname: string): Promise<void> {
    if (await this.options.store.requestedPreviews.dropRemoved(teamId, interceptId, hostname))
      this.interceptChanged(teamId, interceptId);
  }

  /** Stores what a traffic manager reports about an intercept. It is not audited, because no person decided it. */
  async followIntercept(teamId: string, id: string, shown: InterceptStatus): Promise<void> {
    await this.options.store.requestedPreviews.followIntercept(teamId, id, shown);
    this.interceptChanged(teamId, id);
  }

  /**
   * Sets the ingress of a preview to the one that its traffic manager reports. It is not audited, because no person
   * decided it.
   */
  async followIngress(
    { id, teamId, hostname }: Pick<Preview, 'id' | 'teamId' | 'hostname'>,
    ingress: Ingress,
  ): Promise<void> {
    const { store, announcer } = this.options;
    await store.requestedPreviews.followIngress(teamId, id, ingress);
    await announcer.previewsChanged([hostname]);
    announcer.changed({ teamId, resource: 'preview', id, change: 'updated' });
  }

  /** Announces and records previews that the store has removed after their end. */
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

  /** Records a change. A header with a changed value is recorded by its name, before and after. */
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

  /** Announces that an intercept may now have a removed preview to restore, or may no longer have one. */
  private interceptChanged(teamId: string, id: string): void {
    this.options.announcer.changed({ teamId, resource: 'intercept', id, change: 'updated' });
  }
}

/** Returns an ID for a new intercept: `<uuid>:<name>`, in Telepresence's format. */
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
