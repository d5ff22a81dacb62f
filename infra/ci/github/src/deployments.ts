/** Deployments of GitHub, which show a preview on its pull request (https://docs.github.com/rest/deployments). */
import { HttpError, type HttpClient } from '@culvert/outbound';
import { z } from 'zod';
import { ActionError } from './runner.js';

const deployment = z.object({ id: z.int() });
const deploymentStatus = z.object({ state: z.string() });
const failure = z.object({ message: z.string() });
const PAGE_SIZE = 100;
const MAX_PAGES = 10;

export type DeploymentState = 'in_progress' | 'success' | 'failure' | 'inactive';

export interface DeploymentTarget {
  /** URL of GitHub's API. */
  readonly apiUrl: string;
  readonly token: string;
  /** `owner/name`. */
  readonly repository: string;
  readonly environment: string;
  /** Tells the deployments of this step from those of other steps to the same environment. */
  readonly task: string;
  /** Page of the run. */
  readonly logUrl: string;
}

export class Deployments {
  constructor(
    private readonly http: HttpClient,
    private readonly target: DeploymentTarget,
  ) {}

  /** Creates the deployment of a commit and returns its ID. @throws ActionError */
  async create(sha: string): Promise<number> {
    const created = await this.send('POST', '', {
      ref: sha,
      environment: this.target.environment,
      task: this.target.task,
      description: 'Preview by Culvert',
      auto_merge: false,
      // The preview does not depend on other checks.
      required_contexts: [],
      transient_environment: true,
      production_environment: false,
    });
    return deployment.parse(created).id;
  }

  /** @throws ActionError */
  async setState(id: number, state: DeploymentState, url?: string): Promise<void> {
    const { environment, logUrl } = this.target;
    await this.send('POST', `/${id}/statuses`, {
      state,
      environment,
      log_url: logUrl,
      ...(url !== undefined && { environment_url: url }),
    });
  }

  /** Makes all deployments to the environment inactive, those of every step. @throws ActionError */
  async end(): Promise<void> {
    for (const id of await this.list({ environment: this.target.environment }))
      if ((await this.stateOf(id)) !== 'inactive') await this.setState(id, 'inactive');
  }

  /**
   * Makes the deployments of this step that are older than one inactive. GitHub itself leaves those to transient
   * environments active.
   * @throws ActionError
   */
  async endEarlier(id: number): Promise<void> {
    const { environment, task } = this.target;
    const earlier = (await this.list({ environment, task })).filter((each) => each < id);
    for (const each of earlier) {
      // The run that ended this one ended all before it too.
      if ((await this.stateOf(each)) === 'inactive') return;
      await this.setState(each, 'inactive');
    }
  }

  /** Returns the newest state of a deployment; null if it has none. */
  private async stateOf(id: number): Promise<string | null> {
    const [newest] = z.array(deploymentStatus).parse(await this.send('GET', `/${id}/statuses?per_page=1`));
    return newest?.state ?? null;
  }

  /** Returns the IDs of deployments, newest first; at most 1000. */
  private async list(filter: Readonly<Record<string, string>>): Promise<number[]> {
    const ids: number[] = [];
    for (let page = 1; page <= MAX_PAGES; page++) {
      const query = new URLSearchParams({ ...filter, per_page: String(PAGE_SIZE), page: String(page) });
      const found = z.array(deployment).parse(await this.send('GET', `?${query.toString()}`));
      ids.push(...found.map(({ id }) => id));
      if (found.length < PAGE_SIZE) break;
    }
    return ids;
  }

  private async send(method: 'GET' | 'POST', path: string, body?: object): Promise<unknown> {
    const { apiUrl, repository, token } = this.target;
    const response = await this.http
      .send({
        url: `${apiUrl}/repos/${repository}/deployments${path}`,
        method,
        headers: {
          accept: 'application/vnd.github+json',
          authorization: `Bearer ${token}`,
          'user-agent': 'culvert-action',
          'x-github-api-version': '2022-11-28',
          ...(body && { 'content-type': 'application/json' }),
        },
        ...(body && { body: JSON.stringify(body) }),
      })
      .catch((error: unknown) => {
        if (!(error instanceof HttpError)) throw error;
        throw new ActionError(`GitHub cannot be reached: ${error.message}`, { cause: error });
      });
    if (response.isSuccess) return JSON.parse(response.text) as unknown;
    throw new ActionError(refusal(response.status, response.text));
  }
}

function refusal(status: number, text: string): string {
  const { success, data } = failure.safeParse(safeJson(text));
  const why = success ? data.message : 'no reason given';
  const advice =
    status === 403 || status === 404
      ? ' Give the job the permission "deployments: write", or set the input deployment to false.'
      : '';
  return `GitHub refuses the deployment: HTTP ${status}, ${why}.${advice}`;
}

function safeJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
