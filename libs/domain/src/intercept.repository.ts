import type { Intercept, InterceptDraft } from './intercept.js';
import type { Page, PageRequest } from './page.js';

export interface InterceptRepository {
  /** `id` is `<uuid>:<name>`. Null if the team has no such traffic manager. */
  create(teamId: string, id: string, draft: InterceptDraft): Promise<Intercept | null>;
  find(teamId: string, id: string): Promise<Intercept | null>;
  /** Returns those of these intercepts that the team has, in no order. */
  findMany(teamId: string, ids: readonly string[]): Promise<Intercept[]>;
  list(
    teamId: string,
    filter: { readonly trafficManagerId?: string | undefined },
    page: PageRequest,
  ): Promise<Page<Intercept>>;
  update(
    teamId: string,
    id: string,
    change: Partial<Omit<InterceptDraft, 'trafficManagerId'>>,
  ): Promise<Intercept | null>;
  /** Removes it with its previews. Returns the hostnames that ended, or null. */
  remove(teamId: string, id: string): Promise<string[] | null>;
}
