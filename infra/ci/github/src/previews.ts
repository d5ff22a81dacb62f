import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { type Culvert, preview, type Preview } from './culvert.js';
import type { PullRequestEvent } from './event.js';
import { defaultNameStart } from './names.js';
import { ActionError } from './runner.js';
import type { Settings } from './settings.js';

const previews = z.array(preview);
const exposed = preview.extend({ type: z.literal('preview') });

/** Time for `expose` to print its URL, in milliseconds. */
const EXPOSE_TIMEOUT_MS = 60_000;
const POLL_MS = 100;

/** Returns the previews whose names meet a condition, oldest first. */
async function findByName(culvert: Culvert, isWanted: (name: string) => boolean): Promise<Preview[]> {
  const found = await culvert.read(previews, ['preview', 'list']);
  return found
    .filter(({ intercept }) => isWanted(intercept.name))
    .toSorted((a, b) => a.createdAt.localeCompare(b.createdAt) || a.id.localeCompare(b.id));
}

/**
 * Returns the preview of this step: the existing one with the settings of this run, or a new one. An existing one of
 * another workload is removed, because the workload of a preview cannot change. If two runs create one at the same time,
 * both keep the older one.
 */
export async function ensurePreview(
  culvert: Culvert,
  event: PullRequestEvent,
  settings: Settings,
): Promise<Preview> {
  const { name, workload, namespace } = settings;
  const isSame = ({ intercept }: Preview): boolean =>
    intercept.workload === workload && intercept.namespace === namespace;
  const named = await findByName(culvert, (each) => each === name);
  for (const { id } of named.filter((each) => !isSame(each))) await removePreview(culvert, id);
  const existing = named.find(isSame);
  if (existing !== undefined)
    return culvert.read(preview, ['preview', 'update', existing.id, ...flagsOf(event, settings)]);
  const created = await culvert.read(preview, [
    'preview',
    'create',
    '--workload',
    workload,
    '--namespace',
    namespace,
    '--name',
    name,
    ...flagsOf(event, settings),
    ...settings.createArguments,
  ]);
  const both = await findByName(culvert, (each) => each === name);
  const oldest = both.find(isSame) ?? created;
  if (oldest.id !== created.id) await culvert.run(['preview', 'remove', created.id]);
  return oldest;
}

/**
 * Removes the previews of the pull request and returns their number: all with default names, also those of workloads
 * that earlier runs named, or those with the name that the workflow sets.
 */
export async function removePreviews(
  culvert: Culvert,
  event: PullRequestEvent,
  { name, hasOwnName }: Pick<Settings, 'name' | 'hasOwnName'>,
): Promise<number> {
  const start = defaultNameStart(event, 'workload');
  const found = await findByName(culvert, (each) => (hasOwnName ? each === name : each.startsWith(start)));
  for (const { id } of found) await removePreview(culvert, id);
  return found.length;
}

/** Removes a preview, which another run may remove at the same time. */
async function removePreview(culvert: Culvert, id: string): Promise<void> {
  try {
    await culvert.run(['preview', 'remove', id]);
  } catch (error) {
    const left = await culvert.read(previews, ['preview', 'list']);
    if (left.some((each) => each.id === id)) throw error;
  }
}

/** The process that exposes a port, and its preview. */
export interface Exposed {
  readonly pid: number;
  readonly preview: Preview;
}

/** Starts `culvert expose`, which runs until `post.ts` ends it. @throws ActionError if it prints no URL in a minute */
export async function startExpose(
  culvert: Culvert,
  event: PullRequestEvent,
  settings: Settings,
  { folder, onStart }: { readonly folder: string; readonly onStart: (pid: number) => void },
): Promise<Exposed> {
  const files = { stdout: join(folder, 'culvert-expose.out'), stderr: join(folder, 'culvert-expose.err') };
  const args = ['expose', settings.port, '--name', settings.name, '--no-log', '--output', 'json'];
  const child = culvert.startDetached([...args, ...flagsOf(event, settings)], files);
  let failed: Error | null = null;
  child.once('error', (error) => (failed = error));
  if (child.pid === undefined) throw new ActionError('culvert expose cannot be started');
  // Report the process before the wait, so that the end of the job also ends it after a canceled step.
  onStart(child.pid);
  const until = Date.now() + EXPOSE_TIMEOUT_MS;
  while (failed === null && child.exitCode === null && child.signalCode === null && Date.now() < until) {
    const shown = printedPreview(readFileSync(files.stdout, 'utf8'));
    if (shown !== null) {
      child.unref();
      return { pid: child.pid, preview: shown };
    }
    await sleep(POLL_MS);
  }
  child.kill('SIGTERM');
  child.unref();
  throw new ActionError(
    `culvert expose: ${readFileSync(files.stderr, 'utf8').trim() || 'it printed no URL'}`,
  );
}

function printedPreview(text: string): Preview | null {
  // The last line may still be incomplete.
  for (const line of text.split('\n').slice(0, -1)) {
    const event = exposed.safeParse(JSON.parse(line));
    if (event.success) return event.data;
  }
  return null;
}

/** Returns the flags that `preview create`, `preview update` and `expose` share. */
function flagsOf({ url }: PullRequestEvent, settings: Settings): string[] {
  const { access, expires, comment } = settings;
  return [
    '--access',
    access,
    ...(expires === '' ? [] : ['--expires', expires]),
    ...(comment ? ['--pull-request', url] : []),
    ...settings.arguments,
  ];
}
