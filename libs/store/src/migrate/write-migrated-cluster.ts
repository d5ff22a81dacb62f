/** What `npm run build` runs: see `writeMigratedCluster`. Takes the folder with the migrations, by default that of this tree. */
import { writeMigratedCluster } from './migrated-cluster.js';

const [, , prismaFolder] = process.argv;
await writeMigratedCluster(prismaFolder);
