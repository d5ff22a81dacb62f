import { HttpClient } from '@culvert/outbound';
import { Deployments } from './deployments.js';
import type { PullRequestEvent } from './event.js';
import { defaultName } from './names.js';
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
  /** Name of the preview. */
  readonly name: string;
  /** Whether the workflow sets the name; otherwise it is the default. */
  readonly hasOwnName: boolean;
  readonly access: string;
  readonly expires: string;
  readonly comment: boolean;
  /** Further flags of `preview create` and `preview update`, or of `expose`. */
  readonly arguments: readonly string[];
  /** Further flags that `preview create` has and `preview update` does not. */
  readonly createArguments: readonly string[];
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
  // The end of a pull request removes its previews by their names.
  if (!event.isClosed && runner.input(needed) === '')
    throw new ActionError(`the input ${needed} is missing: the mode ${mode} needs it`);
  const githubToken = runner.input('github-token');
  const deployment = runner.flag('deployment');
  if (deployment && githubToken === '')
    throw new ActionError('the input github-token is empty: set it, or set deployment to false');
  const named = { mode, workload: runner.input('workload'), namespace: runner.input('namespace') };
  const createArguments = linesOf(runner.input('create-arguments'));
  if (mode === 'expose' && createArguments.length > 0)
    throw new ActionError('the input create-arguments is for the mode workload: use the input arguments');
  const ownName = runner.input('name');
  const wait = ['--path', runner.input('wait-path'), '--status', runner.input('wait-status')];
  return {
    url,
    workloadIdentity: runner.input('workload-identity'),
    ...named,
    port: runner.input('port'),
    name: ownName || defaultName(event, named),
    hasOwnName: ownName !== '',
    access: runner.input('access'),
    expires: runner.input('expires'),
    comment: runner.flag('comment'),
    arguments: linesOf(runner.input('arguments')),
    createArguments,
    wait: runner.flag('wait') ? [...wait, '--timeout', runner.input('wait-timeout')] : null,
    deployment,
    environment: runner.input('environment') || `preview/pr-${event.number}`,
    githubToken,
  };
}

function linesOf(input: string): string[] {
  return input
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

/** Returns the client for deployments; null if the workflow turns them off. */
export function deploymentsOf(
  runner: Runner,
  event: PullRequestEvent,
  { deployment, environment, githubToken, name }: Settings,
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
    task: `deploy:${name}`,
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
