/** `culvert leave`: ends an intercept of this person on this machine. */
import { type Running, type RunningEntry, thisMachine } from '@culvert/client';
import { setTimeout as sleep } from 'node:timers/promises';
import { MeetingError, type MeetingClient } from '@culvert/meeting-point';
import { CliError } from '../cli-error.js';
import type { CommandContext } from '../command-context.js';
import { Ending } from '../ending.js';
import { EXIT } from '../exit-code.js';
import { endRun } from '../running/end-run.js';
import type { LeaveFlags, ManagerFlags } from './intercept-flags.js';
import { createMeetingClient, findManagerUrl, meetingError, whenConnected } from './meeting-address.js';

/** Longer than a run takes to clean up. */
const STOP_TIMEOUT_MS = 15_000;
const LOOK_MS = 50;
const DRAIN_MS = 500;

interface Left {
  readonly name: string;
  readonly namespace: string;
}

export async function leave(context: CommandContext, name: string, flags: LeaveFlags): Promise<void> {
  const { env, output } = context;
  const url = findManagerUrl(flags, env);
  const { id, running } = thisMachine(env);
  const left: Left[] = [];
  for (const entry of running.list('intercept').filter((found) => isMeant(found, name, flags, url))) {
    await stop(running, entry);
    left.push(partsOf(entry));
  }
  // A run that was killed leaves its intercept behind.
  if (left.length === 0 && url !== null)
    left.push(...(await removeRemains(context, { name, flags, url, id })));
  if (left.length === 0) {
    throw new CliError(EXIT.notFound, `this machine has no intercept named ${name}`, {
      hint:
        url === null
          ? 'Add --manager to search the cluster too.'
          : '"culvert list" shows the existing intercepts.',
    });
  }
  output.result(left, () => {
    for (const { name: gone, namespace } of left) output.line(`Left ${gone} in ${namespace}.`);
  });
}

/** Asks the process of an intercept to remove what it made and to end. */
async function stop(running: Running, entry: RunningEntry): Promise<void> {
  const { pid, name } = entry;
  const giveUpAt = performance.now() + STOP_TIMEOUT_MS;
  endRun(entry, 'the intercept');
  while (running.list('intercept').some((each) => each.pid === pid && each.name === name)) {
    if (performance.now() > giveUpAt) {
      throw new CliError(EXIT.localTarget, `the process ${pid} of the intercept does not end`, {
        hint: `End it with "kill -9 ${pid}". The intercept ends a minute later.`,
      });
    }
    await sleep(LOOK_MS);
  }
}

async function removeRemains(
  context: CommandContext,
  {
    name,
    flags,
    url,
    id: machineId,
  }: { name: string; flags: LeaveFlags & ManagerFlags; url: string; id: string },
): Promise<Left[]> {
  const ending = new Ending(context.signal);
  const client = createMeetingClient(context, { url, machineId, ending, onLost: () => undefined });
  try {
    await whenConnected(client, url, ending);
    const { intercepts } = await client.list();
    const left: Left[] = [];
    for (const found of intercepts) {
      if (found.name !== name || !isIn(found.namespace, flags)) continue;
      if (await isRemoved(client, found.id)) left.push({ name: found.name, namespace: found.namespace });
    }
    return left;
  } finally {
    await client.stop(DRAIN_MS);
  }
}

/** Returns false for an intercept of another client. */
async function isRemoved(client: MeetingClient, interceptId: string): Promise<boolean> {
  try {
    await client.remove(interceptId);
    return true;
  } catch (error) {
    if (error instanceof MeetingError && error.code === 'NOT_FOUND') return false;
    throw meetingError(error);
  }
}

function isMeant(entry: RunningEntry, name: string, flags: LeaveFlags, url: string | null): boolean {
  const parts = partsOf(entry);
  return parts.name === name && isIn(parts.namespace, flags) && (url === null || entry.server === url);
}

function isIn(namespace: string, { namespace: wanted }: LeaveFlags): boolean {
  return wanted === undefined || namespace === wanted;
}

/** Returns `namespace/name`, the name of a run's claim. */
function partsOf({ name }: Pick<RunningEntry, 'name'>): Left {
  const at = name.indexOf('/');
  return { namespace: name.slice(0, at), name: name.slice(at + 1) };
}
