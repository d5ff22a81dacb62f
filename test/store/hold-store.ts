/** Opens the store in DATA_DIR, writes a team, prints the team's id, and holds the store until it is killed. */
import { createStore } from '@culvert/store';

const store = await createStore({ dataDir: process.env['DATA_DIR'] ?? '' });
const { id } = await store.teams.create('held');
process.stdout.write(`team ${id}\n`);
setInterval(() => {}, 60_000);
