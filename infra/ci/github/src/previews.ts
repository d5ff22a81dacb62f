import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { type Culvert, preview, type Preview } from './culvert.js';
import type { PullRequestEvent } from './event.js';
import { ActionError } from './runner.js';
import type { Settings } from './settings.js';

const previews = z.array(preview);
const exposed = preview.extend({ type: z.literal('preview') });

/** Time for `expose` to print its URL, in milliseconds. */
const EXPOSE_TIMEOUT_MS = 60_000;
const POLL_MS = 100;

/** Returns the previews with this name, oldest first. */
async function findByName(culvert: Culvert, name: string): Promise<Preview[]> {
  const found = await culvert.read(previews, ['preview', 'list']);
  return found
    .filter(({ intercept }) => intercept.name === name)
    .toSorted((a, b) => a.createdAt.localeCompare(b.createdAt) || a.id.localeCompare(b.id));
}

/**
 * Returns the preview of the pull request: the existing one with the settings of this run, or a new one. If two runs
 * create one at the same time, both keep the older one.
 */
export async function ensurePreview(
  culvert: Culvert,
  event: PullRequestEvent,
  settings: Settings,
): Promise<Preview> {
  const { name, workload, namespace } = settings;
  const [existing] = await findByName(culvert, name);
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
  ]);
  const [oldest = created] = await findByName(culvert, name);
  if (oldest.id !== created.id) await culvert.run(['preview', 'remove', created.id]);
  return oldest;
}

/** Removes all previews of the pull request and returns their number. */
export async function removePreviews(culvert: Culvert, name: string): Promise<number> {
  const found = await findByName(culvert, name);
  for (const { id } of found) {
    try {
      await culvert.run(['preview', 'remove', id]);
    } catch (error) {
      // Another run may have been faster.
      if ((await findByName(culvert, name)).some((left) => left.id === id)) throw error;
    }
  }
  return found.length;
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
  // Told before the wait, so that a canceled step leaves nothing behind.
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
