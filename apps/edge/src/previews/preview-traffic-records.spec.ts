import type { TrafficDraft } from '@culvert/domain';
import type { RouteTraffic } from '@culvert/relay';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PreviewTrafficRecords } from './preview-traffic-records.js';

const NOON = Date.parse('2030-01-01T12:00:00Z');

describe(PreviewTrafficRecords.name, () => {
  let counted: RouteTraffic[];
  let written: TrafficDraft[];
  let failure: Error | null;
  let records: PreviewTrafficRecords;

  const traffic = (previewId: string, requests: number, firstByteMsMax = 0) =>
    ({
      teamId: 't',
      previewId,
      requests,
      clientErrors: 1,
      serverErrors: 0,
      edgeErrors: 0,
      bytesIn: 10,
      bytesOut: 20,
      answers: requests,
      firstByteMsSum: 5,
      firstByteMsMax,
    }) as RouteTraffic;

  beforeEach(() => {
    counted = [];
    written = [];
    failure = null;
    records = new PreviewTrafficRecords(
      {
        add: async (drafts) => {
          if (failure !== null) throw failure;
          written.push(...drafts);
        },
      },
      { drainTraffic: () => counted.splice(0) },
      pino({ enabled: false }),
    );
  });
  afterEach(() => records.close());

  it('adds up several routes of one preview within the minute in which they were counted', async () => {
    counted = [traffic('a', 2, 7), traffic('b', 1), traffic('a', 3, 4)];
    await records.record(new Date(NOON));
    expect(written).toMatchObject([
      { previewId: 'a', requests: 5, clientErrors: 2, bytesOut: 40, firstByteMsSum: 10, firstByteMsMax: 7 },
      { previewId: 'b', requests: 1 },
    ]);
    // The tick at noon ends the minute before it.
    expect(written[0].minute.toISOString()).toBe('2030-01-01T11:59:00.000Z');
  });

  it('writes rejected records with the next ones, once', async () => {
    counted = [traffic('a', 2)];
    failure = new Error('away');
    await records.record(new Date(NOON + 30_000));
    failure = null;
    counted = [traffic('a', 1)];
    await records.record(new Date(NOON + 45_000));
    await records.record(new Date(NOON + 60_000));
    expect(written).toMatchObject([{ previewId: 'a', requests: 3 }]);
  });

  it('writes what is left when the process stops', async () => {
    counted = [traffic('a', 1)];
    await records.close();
    expect(written).toHaveLength(1);
  });
});
