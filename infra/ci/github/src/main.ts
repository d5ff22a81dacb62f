/** The step of the workflow: creates or updates the preview of the pull request, or removes it when that is closed. */
import { tmpdir } from 'node:os';
import { Culvert, type Preview } from './culvert.js';
import type { Deployments } from './deployments.js';
import { readEvent, type PullRequestEvent } from './event.js';
import { ensurePreview, removePreviews, startExpose } from './previews.js';
import { ActionError, Runner } from './runner.js';
import { deploymentsOf, hasCredential, readSettings, type Settings } from './settings.js';

const runner = new Runner(process.env);

async function main(): Promise<void> {
  const event = readEvent(runner.env);
  const settings = readSettings(runner, event);
  if (!hasCredential(runner, settings)) return skip(event, settings);
  const culvert = new Culvert(runner.env, settings);
  const deployments = deploymentsOf(runner, event, settings);
  if (event.isClosed) return end(culvert, deployments, settings);
  runner.setOutput('skipped', 'false');
  const id = deployments === null ? null : await deployments.create(event.sha);
  const report = async (state: 'in_progress' | 'success' | 'failure', url?: string): Promise<void> => {
    if (id !== null) await deployments?.setState(id, state, url);
  };
  await report('in_progress');
  try {
    const preview = await start(culvert, event, settings);
    runner.setOutput('url', preview.url);
    runner.setOutput('preview-id', preview.id);
    runner.info(`Preview: ${preview.url}`);
    if (settings.wait !== null) await culvert.run(['preview', 'wait', preview.id, ...settings.wait]);
    await report('success', preview.url);
    runner.notice(`Preview: ${preview.url}`);
  } catch (error) {
    // The first error explains more than one of the report.
    await report('failure').catch(() => undefined);
    throw error;
  }
}

/** A pull request from a fork gets no token of GitHub. Its job must not fail for that. */
function skip({ isFork }: PullRequestEvent, { workloadIdentity }: Settings): void {
  if (!isFork)
    throw new ActionError(
      workloadIdentity === ''
        ? 'set the input workload-identity, or the environment variable CULVERT_API_KEY'
        : 'the job has no OIDC token: give it the permission "id-token: write"',
    );
  runner.setOutput('skipped', 'true');
  runner.warning('No preview: GitHub gives jobs of pull requests from forks no token to sign in with.');
}

async function start(culvert: Culvert, event: PullRequestEvent, settings: Settings): Promise<Preview> {
  if (settings.mode === 'workload') return ensurePreview(culvert, event, settings);
  const folder = runner.env['RUNNER_TEMP'] ?? tmpdir();
  const onStart = (pid: number): void => runner.saveState('pid', String(pid));
  return (await startExpose(culvert, event, settings, { folder, onStart })).preview;
}

async function end(culvert: Culvert, deployments: Deployments | null, { name }: Settings): Promise<void> {
  const removed = await removePreviews(culvert, name);
  runner.info(removed === 0 ? 'There was no preview to remove.' : 'Removed the preview.');
  await deployments?.end();
}

main().catch((error: unknown) => {
  runner.error(error instanceof ActionError ? error.message : String(error));
  process.exitCode = 1;
});
