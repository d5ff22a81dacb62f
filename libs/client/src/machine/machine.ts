import { ClientError } from '../client-error.js';
import { configDirectory } from '../settings/config-directory.js';
import { machineId } from './machine-id.js';
import { Running } from './running.js';

/** This person on this machine: their id for others, and their running commands. */
export interface Machine {
  readonly id: string;
  readonly running: Running;
}

/** Works without a home too, as in a container; then nothing is stored. */
export function thisMachine(env: NodeJS.ProcessEnv): Machine {
  const directory = directoryOf(env);
  return { id: machineId(directory), running: new Running(directory) };
}

function directoryOf(env: NodeJS.ProcessEnv): string | null {
  try {
    return configDirectory(env);
  } catch (error) {
    if (error instanceof ClientError) return null;
    throw error;
  }
}
