import { failToStart } from '@culvert/runtime';
import { isPodDaemon } from './pod-daemon/is-pod-daemon.js';

const argv = process.argv.slice(2);
const isDaemon = isPodDaemon(argv, process.env);
try {
  // Neither program has to load the other.
  const { run } = isDaemon ? await import('./pod-daemon/run.js') : await import('./run.js');
  await run(argv, process.env);
} catch (error) {
  failToStart(error, {
    program: isDaemon ? 'pod-daemon' : 'traffic-manager',
    // Exit code of Telepresence's pod daemon for wrong flags.
    configurationCode: isDaemon ? 2 : 1,
  });
}
