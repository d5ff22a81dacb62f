/** What `npm run build` runs: see `writeMigratedCluster`. */
import { writeMigratedCluster } from './migrated-cluster.js';

await writeMigratedCluster();
