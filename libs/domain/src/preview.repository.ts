import type { PreviewAccess } from '@culvert/terms';
import type { Intercept, InterceptDraft } from './intercept.js';
import type { Page, PageRequest } from './page.js';
import type { EndedPreview, Preview, PreviewChange, PreviewDraft } from './preview.js';

/** What the edge needs to forward a request, and nothing more. */
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
  /** What the banner on its pages says; null: pages stay as they are. */
  readonly banner:
    | (Pick<Intercept, 'workload' | 'namespace' | 'client'> & Pick<Preview, 'pullRequestUrl'>)
    | null;
};

/** What decides who may open a preview. */
export type PreviewAccessRules = Pick<
  Preview,
  'id' | 'teamId' | 'hostname' | 'access' | 'allowedEmails' | 'allowedDomains' | 'expiresAt'
>;

/** Which previews: those that have all that is given. */
export interface PreviewFilter {
  readonly trafficManagerId?: string | undefined;
  readonly interceptId?: string | undefined;
  /** In the hostname, the pull request URL, or the intercept's name, workload, namespace or client; case is ignored. */
  readonly search?: string | undefined;
  /** Whether their traffic manager is connected. */
  readonly isConnected?: boolean | undefined;
  readonly access?: PreviewAccess | undefined;
  /** Of the intercept, exactly. */
  readonly workload?: string | undefined;
  /** Of the intercept, exactly. */
  readonly client?: string | undefined;
}

export interface PreviewRepository {
  /**
   * Null when the team has no such intercept.
   * @throws HostnameTakenError when the hostname is in use
   * @throws TeamLimitError when the team has `maxPreviews`; of two at once neither is one over
   */
  create(teamId: string, draft: PreviewDraft, maxPreviews?: number): Promise<Preview | null>;
  /** Creates an intercept and its preview, both or neither. Null when there is no such traffic manager. */
  createWithIntercept(
    teamId: string,
    interceptId: string,
    intercept: InterceptDraft,
    draft: Omit<PreviewDraft, 'interceptId'>,
    maxPreviews?: number,
  ): Promise<Preview | null>;
  find(teamId: string, id: string): Promise<Preview | null>;
  /** Across teams: who may open what lives at this hostname. Finds expired previews too. */
  findAccess(hostname: string): Promise<PreviewAccessRules | null>;
  /** Across teams: the hostname is what a visitor presents. Finds expired previews too. */
  findRoute(hostname: string): Promise<PreviewRoute | null>;
  list(teamId: string, filter: PreviewFilter, page: PageRequest): Promise<Page<Preview>>;
  count(teamId: string): Promise<number>;
  update(teamId: string, id: string, change: PreviewChange): Promise<Preview | null>;
  /** A preview whose hostname was given to a traffic manager stays with its intercept as `removedPreview`. */
  remove(teamId: string, id: string): Promise<Preview | null>;
  /**
   * Brings the `removedPreview` of an intercept back, with its hostname and settings, and without expiry, share links
   * and tokens. Null when there is none.
   * @throws HostnameTakenError when another intercept has the hostname now
   * @throws TeamLimitError when the team has `maxPreviews`
   */
  restore(teamId: string, interceptId: string, maxPreviews: number): Promise<Preview | null>;
  /** Called by an edge: these previews have been used. */
  recordUse(ids: readonly string[], at: Date): Promise<void>;
  /**
   * Removes previews of any team that have expired, were unused for too long, or end with a session that has ended; at most
   * `max` of them.
   */
  removeEnded(now: Date, max: number): Promise<EndedPreview[]>;
}
