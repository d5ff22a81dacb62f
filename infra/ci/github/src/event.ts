import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { ActionError, type Environment } from './runner.js';

const payload = z.object({
  action: z.string().optional(),
  repository: z.object({ full_name: z.string() }),
  pull_request: z.object({
    number: z.int().positive(),
    html_url: z.string(),
    head: z.object({ sha: z.string(), repo: z.object({ full_name: z.string() }).nullable() }),
  }),
});

/** The pull request that the job runs for. */
export interface PullRequestEvent {
  readonly repository: string;
  readonly number: number;
  readonly url: string;
  readonly sha: string;
  readonly isClosed: boolean;
  /** Whether its branch belongs to another repository. */
  readonly isFork: boolean;
  /** Page of this run. */
  readonly runUrl: string;
}

/** Reads the event of the job. @throws ActionError if it is not one of a pull request */
export function readEvent(env: Environment): PullRequestEvent {
  const name = env['GITHUB_EVENT_NAME'] ?? '';
  if (name !== 'pull_request' && name !== 'pull_request_target')
    throw new ActionError(`this action runs for pull requests, not for the event ${name || '(none)'}`);
  const parsed = payload.safeParse(JSON.parse(readFileSync(env['GITHUB_EVENT_PATH'] ?? '', 'utf8')));
  if (!parsed.success) throw new ActionError('the event of the job does not describe a pull request');
  const { action, repository, pull_request: pull } = parsed.data;
  const isFork = pull.head.repo?.full_name !== repository.full_name;
  if (isFork && name === 'pull_request_target' && action !== 'closed')
    throw new ActionError(
      'pull_request_target gives code of a fork the permissions of this repository: use the event pull_request',
    );
  return {
    repository: repository.full_name,
    number: pull.number,
    url: pull.html_url,
    sha: pull.head.sha,
    isClosed: action === 'closed',
    isFork,
    runUrl: `${env['GITHUB_SERVER_URL'] ?? 'https://github.com'}/${repository.full_name}/actions/runs/${env['GITHUB_RUN_ID'] ?? ''}`,
  };
}
