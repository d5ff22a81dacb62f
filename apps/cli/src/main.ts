import { runProgram } from './program.js';

/** The program for clusters, beside this one in `dist/apps` and in the npm package. */
const TRAFFIC_MANAGER = '../../traffic-manager/src/main.js';

await runProgram(async () => import(new URL(TRAFFIC_MANAGER, import.meta.url).href));
