/** `culvert down`: ends a run of `culvert up`, or some of its endpoints. */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type ExposedPreview,
  type Machine,
  removeExposed,
  type RunningEntry,
  thisMachine,
} from '@culvert/client';
import type { Api } from '../api.js';
import { CliError } from '../cli-error.js';
import type { CommandContext, GlobalFlags } from '../command-context.js';
import { EXIT, type ExitCode } from '../exit-code.js';
import { endRun } from '../running/end-run.js';
import { locateFile } from './file/find-file.js';
import { withFileSettings } from './file-settings.js';
import { readUpFile, type UpFile } from './file/read-file.js';
import { endpointOf, keptOf, ProjectFiles, runningOf } from './project.js';

/** A run gives its commands five seconds, and requests in progress one. */
const END_TIMEOUT_MS = 15_000;
const LOOK_MS = 100;

/** The flags of `down`. */
export interface DownFlags {
  readonly file?: string;
  readonly remove?: boolean;
}

export async function down(
  context: CommandContext,
  names: readonly string[],
  flags: DownFlags & Pick<GlobalFlags, 'url' | 'caFile'>,
): Promise<ExitCode> {
  const { output, env, signal } = context;
  const path = locateFile(process.cwd(), flags.file);
  const machine = thisMachine(env);
  const isMeant = (entry: RunningEntry): boolean => names.length === 0 || names.includes(endpointOf(entry));
  const before = [...runningOf(machine.running, path), ...keptOf(machine.running, path)];
  const unknown = names.find((name) => !before.some((entry) => endpointOf(entry) === name));
  if (unknown !== undefined) {
    throw new CliError(EXIT.notFound, `no endpoint ${unknown} of ${path} is up or has a URL`, {
      hint: '"culvert status" shows what is running.',
    });
  }
  const running = runningOf(machine.running, path);
  const ended = running.filter(isMeant);
  const files = new ProjectFiles(env, path);
  const isWhole = ended.length === running.length;
  const forget = flags.remove === true && isWhole && running.length > 0 ? files.announceRemoval() : null;
  try {
    if (isWhole) endRuns(ended);
    else files.writeSelection(running.filter((entry) => !isMeant(entry)).map((entry) => endpointOf(entry)));
    await untilEnded(machine, path, ended, signal);
  } finally {
    forget?.();
  }
  const { removed, left } =
    flags.remove === true
      ? await removeUrls(withSettingsOf(context, path, flags), machine, keptOf(machine.running, path), names)
      : { removed: [], left: [] };
  const isRemoved = (entry: RunningEntry): boolean => removed.some((each) => isSameEntry(each, entry));
  const result = before
    .filter((entry) => isRemoved(entry) || ended.some((each) => isSameEntry(each, entry)))
    .map((entry) => ({ name: endpointOf(entry), url: entry.url, removed: isRemoved(entry) }));
  output.result(result, () => {
    if (result.length === 0 && left.length === 0) output.note(`Nothing of ${path} is up.`);
    for (const { name, url, removed: isGone } of result)
      output.line(`${name}  ${isGone ? 'removed' : 'ended'}  ${url ?? ''}`);
  });
  for (const { url, server } of left)
    output.note(`${url ?? 'A URL'} stays. It belongs to ${server}: add --url ${server} to remove it.`);
  return left.length === 0 ? EXIT.ok : EXIT.failure;
}

function isSameEntry(a: RunningEntry, b: RunningEntry): boolean {
  return a.name === b.name && a.server === b.server;
}

function endRuns(entries: readonly RunningEntry[]): void {
  const runs = new Map(entries.map((entry) => [entry.pid, entry]));
  for (const entry of runs.values()) endRun(entry, `the run of ${endpointOf(entry)}`);
}

/** Resolves when none of the entries belongs to a running process. */
async function untilEnded(
  { running }: Machine,
  path: string,
  entries: readonly RunningEntry[],
  signal: AbortSignal,
): Promise<void> {
  const names = new Set(entries.map(({ name }) => name));
  const end = performance.now() + END_TIMEOUT_MS;
  for (;;) {
    const left = runningOf(running, path).filter(({ name }) => names.has(name));
    const [first] = left;
    if (first === undefined) return;
    signal.throwIfAborted();
    if (performance.now() > end) {
      throw new CliError(EXIT.localTarget, `the process ${first.pid} does not end`, {
        hint: `"culvert logs" shows what it does. "kill -9 ${first.pid}" ends it without a clean-up.`,
      });
    }
    await sleep(LOOK_MS);
  }
}

/** A file that can no longer be read has no settings. */
function withSettingsOf(
  context: CommandContext,
  path: string,
  flags: DownFlags & Pick<GlobalFlags, 'url' | 'caFile'>,
): CommandContext {
  let file: UpFile;
  try {
    file = readUpFile(path, context.env, { isNamed: flags.file !== undefined });
  } catch {
    return context;
  }
  return withFileSettings(context, file, flags);
}

/**
 * Removes the previews of entries that no process holds, and the entries.
 * @param names endpoints to remove; empty: all. Resolves with what was removed, and what another server has
 */
async function removeUrls(
  { api, settings }: CommandContext,
  { running }: Machine,
  kept: readonly RunningEntry[],
  names: readonly string[],
): Promise<{ readonly removed: readonly RunningEntry[]; readonly left: readonly RunningEntry[] }> {
  const meant = kept.filter((entry) => names.length === 0 || names.includes(endpointOf(entry)));
  const own = meant.filter(({ server }) => server === settings.url);
  const left = meant.filter(({ server }) => server !== settings.url);
  if (own.length === 0) return { removed: [], left };
  const previews: ExposedPreview[] = [];
  for (const { previewId } of own) {
    const preview = previewId === null ? null : await findPreview(api, previewId);
    if (preview !== null) previews.push(preview);
  }
  // Removing their traffic manager removes all of them.
  const manager = names.length === 0 ? own.find((entry) => entry.trafficManagerId !== null) : undefined;
  await removeExposed(api, { trafficManagerId: manager?.trafficManagerId ?? null, previews });
  for (const { server, name, target, file } of own) {
    const claim = running.claim({
      kind: 'up',
      server,
      name,
      target,
      mayNumber: false,
      ...(file !== null && { file }),
    });
    claim?.release(false);
  }
  return { removed: own, left };
}

async function findPreview(api: Api, previewId: string): Promise<ExposedPreview | null> {
  try {
    return await api.call('getPreview', { previewId });
  } catch (error) {
    if (error instanceof CliError && error.exitCode === EXIT.notFound) return null;
    throw error;
  }
}
