import { describe, expect, it } from 'vitest';
import { rowsOf } from './preview-metrics.js';

const zeros = (length: number) => Array<number>(length).fill(0);

function metricsOf(requests: number[]) {
  const none = zeros(requests.length);
  return {
    from: '2030-01-01T00:00:00.000Z',
    stepSeconds: 60,
    requests,
    clientErrors: none,
    serverErrors: none,
    edgeErrors: none,
    bytesIn: none,
    bytesOut: none,
    answers: requests,
    firstByteMsSum: requests.map((count) => count * 10),
    firstByteMsMax: requests.map((count) => count * 2),
  };
}

describe(rowsOf.name, () => {
  it('adds up minutes so that the table fits, and leaves out times without traffic', () => {
    const requests = zeros(60);
    requests[0] = 1;
    requests[1] = 3;
    requests[59] = 5;
    const rows = rowsOf(metricsOf(requests), 20);
    expect(rows.map(({ from, requests: count }) => [from.toISOString(), count])).toEqual([
      ['2030-01-01T00:00:00.000Z', 4],
      ['2030-01-01T00:57:00.000Z', 5],
    ]);
    expect(rows[0]).toMatchObject({ firstByteMs: 10, firstByteMsMax: 6 });
  });

  it('has no time to the first byte if the service sent no response', () => {
    const metrics = { ...metricsOf([2]), answers: [0], firstByteMsSum: [0] };
    expect(rowsOf(metrics, 20)).toMatchObject([{ requests: 2, firstByteMs: null }]);
  });
});
