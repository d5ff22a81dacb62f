import { failToStart } from '@culvert/runtime';
import { isPodDaemon } from './pod-daemon/is-pod-daemon.js';

const argv = process.argv.slice(2);
const isDaemon = isPodDaemon(argv, process.env);
try {
  // Neither of the two has to load the other.
  const { run } = isDaemon ? await import('./pod-daemon/run.js') : await import('./run.js');
  await run(argv, process.env);
} catch (error) {
  failToStart(error, {
    program: isDaemon ? 'pod-daemon' : 'traffic-manager',
    // What Telepresence's pod daemon returns for wrong flags.
    configurationCode: isDaemon ? 2 : 1,
  });
}
