/** An edge of the simulation in a process of its own, which the simulation kills. Prints a line when Redis has all. */
import { createEdge, createHolding, until } from './fleet.js';

const redisUrl = process.env['REDIS_URL'];
if (redisUrl === undefined) throw new Error('REDIS_URL is not set');
const edge = createEdge(redisUrl, (error) => console.error(error), {});
const count = Number(process.env['MANAGERS']);
for (let n = 0; n < count; n++) edge.directory.report(`killed-${n}`, createHolding());
await until(() => edge.directory.figures.isComplete);
console.log(`Ready ${edge.directory.self.id}`);
// Its connections alone would keep it alive as well; this says so.
setInterval(() => {}, 60_000);
