import { failToStart } from '@culvert/runtime';
import { isPodDaemon } from './pod-daemon/is-pod-daemon.js';

/** Runs the traffic manager or, by its arguments, the pod daemon. Ends the process if it cannot start. */
export async function start(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  const isDaemon = isPodDaemon(argv, env);
  try {
    // Neither program has to load the other.
    const { run } = isDaemon ? await import('./pod-daemon/run.js') : await import('./run.js');
    await run(argv, env);
  } catch (error) {
    failToStart(error, {
      program: isDaemon ? 'pod-daemon' : 'traffic-manager',
      // Exit code of Telepresence's pod daemon for wrong flags.
      configurationCode: isDaemon ? 2 : 1,
    });
  }
}
