import { endProcess, type RunningEntry } from '@culvert/client';
import { CliError } from '../cli-error.js';
import { EXIT } from '../exit-code.js';

/**
 * Asks the process of an entry to end. Returns before it has ended.
 * @param run for people: `the run of web`
 * @throws CliError if it may not be ended, or if the process cannot be told from another one with its number
 */
export function endRun(entry: RunningEntry, run: string): void {
  const { pid } = entry;
  let outcome: ReturnType<typeof endProcess>;
  try {
    outcome = endProcess(entry);
  } catch (cause) {
    const { message } = cause as Error;
    throw new CliError(EXIT.localTarget, `the process ${pid} cannot be ended: ${message}`, { cause });
  }
  if (outcome !== 'unknown') return;
  const end = process.platform === 'win32' ? `taskkill /pid ${pid}` : `kill ${pid}`;
  throw new CliError(EXIT.localTarget, `it is not known whether the process ${pid} is still ${run}`, {
    hint: `The process was not ended. If it is, end it with "${end}".`,
  });
}
