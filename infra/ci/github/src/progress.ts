import type { Deployments } from './deployments.js';
import type { Runner } from './runner.js';

/**
 * The deployment of this step. Its state is also saved for the end of the job, which runs in a process of its own and
 * after a canceled step too.
 */
export class Progress {
  private constructor(
    private readonly runner: Runner,
    private readonly deployments: Deployments,
    private readonly id: number,
  ) {}

  /** Creates the deployment of a commit. @throws ActionError */
  static async begin(runner: Runner, deployments: Deployments, sha: string): Promise<Progress> {
    const id = await deployments.create(sha);
    runner.saveState('deployment', String(id));
    runner.saveState('deployment-state', 'in_progress');
    return new Progress(runner, deployments, id);
  }

  /** Sets the state. A success replaces earlier deployments of this step. @throws ActionError */
  async report(state: 'in_progress' | 'success' | 'failure', url?: string): Promise<void> {
    await this.deployments.setState(this.id, state, url);
    this.runner.saveState('deployment-state', state);
    if (state !== 'success') return;
    await this.deployments.endEarlier(this.id).catch((error: unknown) => {
      // The preview works: the job must not fail because an older deployment looks active.
      this.runner.warning(`Earlier deployments stay active: ${(error as Error).message}`);
    });
  }

  /**
   * Sets the last state at the end of the job.
   * @param hasEndedPreview whether the preview ended with the job
   * @throws ActionError
   */
  static async end(runner: Runner, deployments: Deployments, hasEndedPreview: boolean): Promise<void> {
    const id = Number(runner.state('deployment'));
    if (!Number.isSafeInteger(id) || id < 1) return;
    const state = runner.state('deployment-state');
    if (state === 'in_progress') await deployments.setState(id, 'failure');
    else if (state === 'success' && hasEndedPreview) await deployments.setState(id, 'inactive');
  }
}
