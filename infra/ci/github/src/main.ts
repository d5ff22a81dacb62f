/** The step of the workflow: creates or updates the preview of the pull request, or removes it when that is closed. */
import { tmpdir } from 'node:os';
import { Culvert, type Preview } from './culvert.js';
import type { Deployments } from './deployments.js';
import { readEvent, type PullRequestEvent } from './event.js';
import { ensurePreview, removePreviews, startExpose } from './previews.js';
import { Progress } from './progress.js';
import { ActionError, Runner } from './runner.js';
import { deploymentsOf, hasCredential, readSettings, type Settings } from './settings.js';

const runner = new Runner(process.env);

async function main(): Promise<void> {
  const event = readEvent(runner.env);
  const settings = readSettings(runner, event);
  if (event.isFork && !event.isClosed) return skipFork();
  if (!hasCredential(runner, settings)) return skipWithoutCredential(event, settings);
  const culvert = new Culvert(runner.env, settings);
  const deployments = deploymentsOf(runner, event, settings);
  if (event.isClosed) return end(culvert, deployments, { event, settings });
  runner.setOutput('skipped', 'false');
  const progress = deployments === null ? null : await Progress.begin(runner, deployments, event.sha);
  try {
    await progress?.report('in_progress');
    const preview = await start(culvert, event, settings);
    runner.setOutput('url', preview.url);
    runner.setOutput('preview-id', preview.id);
    runner.info(`Preview: ${preview.url}`);
    if (settings.wait !== null) await culvert.run(['preview', 'wait', preview.id, ...settings.wait]);
    await progress?.report('success', preview.url);
    runner.notice(`Preview: ${preview.url}`);
  } catch (error) {
    // The first error explains more than one of the report.
    await progress?.report('failure').catch(() => undefined);
    throw error;
  }
}

/** Code of a fork gets no preview, whatever credential the job has. Its job must not fail for that. */
function skipFork(): void {
  runner.setOutput('skipped', 'true');
  runner.warning('No preview: pull requests from forks get none, because their code is not trusted.');
}

/** The job of a closed pull request from a fork has nothing to remove. All others are set up wrongly. */
function skipWithoutCredential({ isFork }: PullRequestEvent, { workloadIdentity }: Settings): void {
  if (isFork) return runner.setOutput('skipped', 'true');
  throw new ActionError(
    workloadIdentity === ''
      ? 'set the input workload-identity, or the environment variable CULVERT_API_KEY'
      : 'the job has no OIDC token: give it the permission "id-token: write"',
  );
}

async function start(culvert: Culvert, event: PullRequestEvent, settings: Settings): Promise<Preview> {
  if (settings.mode === 'workload') return ensurePreview(culvert, event, settings);
  const folder = runner.env['RUNNER_TEMP'] ?? tmpdir();
  const onStart = (pid: number): void => runner.saveState('pid', String(pid));
  return (await startExpose(culvert, event, settings, { folder, onStart })).preview;
}

async function end(
  culvert: Culvert,
  deployments: Deployments | null,
  { event, settings }: { readonly event: PullRequestEvent; readonly settings: Settings },
): Promise<void> {
  const removed = await removePreviews(culvert, event, settings);
  runner.info(removed === 0 ? 'There was no preview to remove.' : 'Removed the preview.');
  await deployments?.end();
}

main().catch((error: unknown) => {
  runner.error(error instanceof ActionError ? error.message : String(error));
  process.exitCode = 1;
});
