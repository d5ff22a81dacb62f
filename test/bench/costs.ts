import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import { startOwnRedis } from '../services/redis.js';
import { startEdge, startManager } from './culvert.js';
import { startDatabase } from './database.js';
import { fleetSettings } from './fleet-settings.js';
import { INSPECTABLE, settledMemory } from './inspector.js';
import { figure, type Measure, type Row } from './measure.js';
import { startNginxService } from './nginx.js';
import { BODY_BYTES, BULK_BYTES } from './rig.js';
import { seedDatabase } from './seed.js';
import { measureLoad } from './server-load.js';
import { visitAll } from './visit-all.js';

const PREVIEWS = 20_000;
const WARM_UP_PREVIEWS = 2_000;
const CHANGES = 300;
/** Edges record the traffic of previews at whole intervals of the clock. */
const RECORD_MS = 15_000;
const SETTLE_MS = 2_000;

/** What a preview costs the memory of an edge and the disk of Postgres, and what creating one costs. */
export const costs: Measure = {
  name: 'costs',
  run: async (scope) => {
    const databaseUrl = await startDatabase(scope);
    const redis = scope.keep(await startOwnRedis());
    const service = scope.keep(await startNginxService({ bodyBytes: BODY_BYTES, bulkBytes: BULK_BYTES }));
    const edge = await startEdge(scope, {
      databaseUrl,
      env: fleetSettings(redis.url),
      nodeArgs: INSPECTABLE,
    });
    await startManager(scope, edge.url, { tunnels: 1 });
    const like = await edge.previewOf('service', service.port);
    const sizeBefore = await bytesOfDatabase(databaseUrl);
    const all = await seedDatabase(databaseUrl, { previews: { like, count: PREVIEWS }, sessions: 0 });
    const databaseBytes = ((await bytesOfDatabase(databaseUrl)) - sizeBefore) / PREVIEWS;
    // The service closes the stream of each visit: kept streams are not what is measured.
    const visit = (some: readonly string[]) => visitAll({ port: edge.port, all: some }, '/close');
    await visit(all.slice(0, WARM_UP_PREVIEWS));
    const before = await settledMemory(edge.program);
    await visit(all.slice(WARM_UP_PREVIEWS));
    const after = await settledMemory(edge.program);
    const perPreview = (key: keyof typeof after) =>
      ((after[key] - before[key]) * 1024) / (PREVIEWS - WARM_UP_PREVIEWS);
    const servers = { pid: edge.program.pid, redisUrl: redis.url, databaseUrl };
    await delay(untilRecords() + SETTLE_MS);
    await visit(all);
    // The recordings of all visits: one row for each preview.
    const records = await measureLoad({ ...servers, units: PREVIEWS }, () =>
      delay(untilRecords() + SETTLE_MS),
    );
    const create = async (count: number) => {
      for (let i = 0; i < count; i++) await edge.previewOf(`change-${i}`, service.port);
    };
    await create(CHANGES);
    const change = await measureLoad({ ...servers, units: CHANGES }, () => create(CHANGES));
    return {
      tables: [
        {
          title: 'A preview, and a change',
          columns: ['value'],
          rows: [
            row('heap and buffers of the edge per visited preview, KiB', perPreview('referred'), 2),
            row('resident memory of the edge per visited preview, KiB', perPreview('resident'), 2),
            row('Postgres, bytes per preview, indexes included', databaseBytes, 0),
            row('rows of traffic per visited preview', records.rowsWritten, 2),
            row('CPU of the edge to record them, us per preview', records.cpuMs * 1_000, 0),
            row('CPU of Postgres to record them, us per preview', records.postgresCpuMs * 1_000, 0),
            row('POST /previews: CPU of the standalone server, ms', change.cpuMs, 2),
            row('POST /previews: CPU of Postgres, ms', change.postgresCpuMs, 2),
            row('POST /previews: transactions of Postgres', change.transactions, 1),
            row('POST /previews: rows written', change.rowsWritten, 1),
            row('POST /previews: commands of Redis', change.redisCommands, 1),
          ],
        },
      ],
      figures: [
        figure('heap and buffers per visited preview', perPreview('referred'), 'KiB'),
        figure('bytes of Postgres per preview', databaseBytes, 'bytes'),
        figure('CPU of Postgres to record the traffic of a preview', records.postgresCpuMs * 1_000, 'us'),
        figure('CPU per created preview', change.cpuMs, 'ms'),
        figure('transactions per created preview', change.transactions, ''),
        figure('rows written per created preview', change.rowsWritten, ''),
        figure('commands of Redis per created preview', change.redisCommands, ''),
      ],
      notes: [
        `${PREVIEWS} previews of one service, each visited once, and once more within 15 s. ${CHANGES} previews created, one after the other.`,
        `Redis, by command: ${change.byCommand}.`,
      ],
    };
  },
};

function untilRecords(): number {
  return RECORD_MS - (Date.now() % RECORD_MS);
}

function row(label: string, value: number, digits: number): Row {
  return { label, values: { value }, digits };
}

async function bytesOfDatabase(databaseUrl: string): Promise<number> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const { rows } = await client.query<{ size: string }>(
      'SELECT pg_database_size(current_database()) AS size',
    );
    return Number(rows[0].size);
  } finally {
    await client.end();
  }
}
