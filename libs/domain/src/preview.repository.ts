import type { PreviewAccess } from '@culvert/terms';
import type { Intercept, InterceptDraft } from './intercept.js';
import type { Keeping } from './keeping.js';
import type { Page, PageRequest } from './page.js';
import type { EndedPreview, Preview, PreviewChange, PreviewDraft } from './preview.js';

/** Fields that the edge needs to forward a request. */
export type PreviewRoute = Pick<
  Preview,
  | 'id'
  | 'teamId'
  | 'hostname'
  | 'interceptId'
  | 'trafficManagerId'
  | 'ingress'
  | 'access'
  | 'addRequestHeaders'
  | 'allowUpgrades'
  | 'expiresAt'
> & {
  /** How its exchanges are kept, as policy and preview demand together; null: they are not. */
  readonly keep: Keeping | null;
  /**
   * Content of the banner on its pages; null: pages stay unchanged. Pages of a preview whose exchanges are kept always
   * have one.
   */
  readonly banner:
    | (Pick<Intercept, 'workload' | 'namespace' | 'client'> &
        Pick<Preview, 'pullRequestUrl'> & {
          /** Whether exchanges are kept, which the banner states. */
          readonly isKept: boolean;
        })
    | null;
};

/** Fields that decide who can open a preview. */
export type PreviewAccessRules = Pick<
  Preview,
  'id' | 'teamId' | 'hostname' | 'access' | 'allowedEmails' | 'allowedDomains' | 'expiresAt'
>;

/** Filter for previews. A preview must match every field that is given. */
export interface PreviewFilter {
  readonly trafficManagerId?: string | undefined;
  readonly interceptId?: string | undefined;
  /**
   * Text in the hostname, the pull request URL, or the intercept's name, workload, namespace or client; case is
   * ignored.
   */
  readonly search?: string | undefined;
  /** Whether their traffic manager is connected. */
  readonly isConnected?: boolean | undefined;
  readonly access?: PreviewAccess | undefined;
  /** Exact workload of the intercept. */
  readonly workload?: string | undefined;
  /** Exact client of the intercept. */
  readonly client?: string | undefined;
}

export interface PreviewRepository {
  /**
   * Null if the team has no such intercept.
   * @throws HostnameTakenError if the hostname is in use
   * @throws TeamLimitError if the team has `maxPreviews`; two calls at once do not exceed it
   */
  create(teamId: string, draft: PreviewDraft, maxPreviews?: number): Promise<Preview | null>;
  /** Creates an intercept and its preview, both or neither. Null if the traffic manager does not exist. */
  createWithIntercept(
    teamId: string,
    interceptId: string,
    intercept: InterceptDraft,
    draft: Omit<PreviewDraft, 'interceptId'>,
    maxPreviews?: number,
  ): Promise<Preview | null>;
  find(teamId: string, id: string): Promise<Preview | null>;
  /** Across teams: returns who can open the preview at this hostname. Finds expired previews too. */
  findAccess(hostname: string): Promise<PreviewAccessRules | null>;
  /** Across teams: the hostname comes from a visitor. Finds expired previews too. */
  findRoute(hostname: string): Promise<PreviewRoute | null>;
  list(teamId: string, filter: PreviewFilter, page: PageRequest): Promise<Page<Preview>>;
  count(teamId: string): Promise<number>;
  update(teamId: string, id: string, change: PreviewChange): Promise<Preview | null>;
  /**
   * Removes a preview. If its hostname was given to a traffic manager, it stays with its intercept as `removedPreview`.
   */
  remove(teamId: string, id: string): Promise<Preview | null>;
  /**
   * Restores the `removedPreview` of an intercept, with its hostname and settings, but without expiry, share links and
   * tokens. Null if there is none.
   * @throws HostnameTakenError if another intercept has the hostname now
   * @throws TeamLimitError if the team has `maxPreviews`
   */
  restore(teamId: string, interceptId: string, maxPreviews: number): Promise<Preview | null>;
  /** Called by an edge: records that these previews were used. */
  recordUse(ids: readonly string[], at: Date): Promise<void>;
  /**
   * Removes at most `max` previews of any team that have expired, were unused for too long, or end with a session that
   * has ended.
   */
  removeEnded(now: Date, max: number): Promise<EndedPreview[]>;
}
