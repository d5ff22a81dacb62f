import { ConfigurationError } from '@culvert/runtime';
import { isPodDaemon } from './pod-daemon/is-pod-daemon.js';

const argv = process.argv.slice(2);
const isDaemon = isPodDaemon(argv, process.env);
try {
  // Neither of the two has to load the other.
  const { run } = isDaemon ? await import('./pod-daemon/run.js') : await import('./run.js');
  process.exit(await run(argv, process.env));
} catch (error) {
  const text = error instanceof ConfigurationError ? error.message : String((error as Error).stack);
  process.stderr.write(`${isDaemon ? 'pod-daemon' : 'traffic-manager'}: ${text}\n`);
  // 2 is what Telepresence's pod daemon says of its flags.
  process.exit(isDaemon && error instanceof ConfigurationError ? 2 : 1);
}
