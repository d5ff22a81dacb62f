import { HttpClient } from '@culvert/outbound';
import { Deployments } from './deployments.js';
import { defaultName, type PullRequestEvent } from './event.js';
import { ActionError, type Runner } from './runner.js';

const MODES = ['workload', 'expose'] as const;

/** The inputs of the action, checked. */
export interface Settings {
  readonly url: string;
  readonly workloadIdentity: string;
  readonly mode: (typeof MODES)[number];
  readonly workload: string;
  readonly namespace: string;
  readonly port: string;
  readonly name: string;
  readonly access: string;
  readonly expires: string;
  readonly comment: boolean;
  /** Further flags of the command. */
  readonly arguments: readonly string[];
  /** Flags of `culvert preview wait`; null: do not wait. */
  readonly wait: readonly string[] | null;
  readonly deployment: boolean;
  readonly environment: string;
  readonly githubToken: string;
}

/** @throws ActionError if an input is missing or wrong */
export function readSettings(runner: Runner, event: PullRequestEvent): Settings {
  const url = runner.input('url');
  if (url === '') throw new ActionError('the input url is missing: set it to the URL of Culvert');
  const mode = MODES.find((known) => known === runner.input('mode'));
  if (mode === undefined) throw new ActionError('the input mode must be workload or expose');
  const needed = mode === 'workload' ? 'workload' : 'port';
  // What closes a pull request removes its preview by name alone.
  if (!event.isClosed && runner.input(needed) === '')
    throw new ActionError(`the input ${needed} is missing: the mode ${mode} needs it`);
  const githubToken = runner.input('github-token');
  const deployment = runner.flag('deployment');
  if (deployment && githubToken === '')
    throw new ActionError('the input github-token is empty: set it, or set deployment to false');
  const wait = ['--path', runner.input('wait-path'), '--status', runner.input('wait-status')];
  return {
    url,
    workloadIdentity: runner.input('workload-identity'),
    mode,
    workload: runner.input('workload'),
    namespace: runner.input('namespace'),
    port: runner.input('port'),
    name: runner.input('name') || defaultName(event),
    access: runner.input('access'),
    expires: runner.input('expires'),
    comment: runner.flag('comment'),
    arguments: runner
      .input('arguments')
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== ''),
    wait: runner.flag('wait') ? [...wait, '--timeout', runner.input('wait-timeout')] : null,
    deployment,
    environment: runner.input('environment') || `preview/pr-${event.number}`,
    githubToken,
  };
}

/** Returns what writes deployments; null if the workflow wants none. */
export function deploymentsOf(
  runner: Runner,
  event: PullRequestEvent,
  { deployment, environment, githubToken }: Settings,
): Deployments | null {
  if (!deployment) return null;
  const http = new HttpClient({
    connectTimeoutMs: 10_000,
    timeoutMs: 30_000,
    maxResponseBytes: 8 * 1024 * 1024,
    // GitHub Enterprise Server may be in a private network; the runner names its address.
    allowPrivateAddresses: true,
  });
  return new Deployments(http, {
    apiUrl: runner.env['GITHUB_API_URL'] ?? 'https://api.github.com',
    token: githubToken,
    repository: event.repository,
    environment,
    logUrl: event.runUrl,
  });
}

/** Reports whether the job can sign in. */
export function hasCredential(
  { env }: Runner,
  { workloadIdentity }: Pick<Settings, 'workloadIdentity'>,
): boolean {
  if (env['CULVERT_API_KEY']) return true;
  return workloadIdentity !== '' && Boolean(env['ACTIONS_ID_TOKEN_REQUEST_URL'] || env['CULVERT_ID_TOKEN']);
}
