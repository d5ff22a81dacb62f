import { randomUUID } from 'node:crypto';
import type { CapturedBody, Exchange } from '@culvert/contract';
import { describe, expect, it } from 'vitest';
import { archiveOf } from './kept-archive.js';
import type { SearchPage } from './kept-exchange-search.js';

const MIB = 1024 * 1024;

/** One exchange with a body of a mebibyte, as a page of a search. */
function pageOf(number: number): SearchPage {
  const id = randomUUID();
  const body: CapturedBody = {
    base64: Buffer.alloc(MIB, 'x').toString('base64'),
    bytes: MIB,
    isTruncated: false,
    contentType: 'text/plain',
    contentEncoding: null,
  };
  const exchange: Exchange = {
    id,
    state: 'ended',
    startedAt: '2030-01-01T00:00:00.000Z',
    method: 'GET',
    target: `/${number}`,
    httpVersion: '1.1',
    upgrade: null,
    visitor: { address: '192.0.2.1', kind: 'anyone', id: null },
    replayOf: null,
    request: { fields: [], isTruncated: false },
    response: { fields: [], isTruncated: false },
    changes: [],
    notes: [],
    status: 200,
    error: null,
    timings: { gateMs: 1, waitMs: null, connectMs: null, firstByteMs: 20, bodyMs: 4 },
    bytesIn: 1,
    bytesOut: 2,
  };
  const bodies = { id, request: null, response: body };
  return {
    items: [
      {
        id,
        kind: 'exchange',
        startedAt: exchange.startedAt,
        expiresAt: exchange.startedAt,
        omitted: 0,
        hasBodies: true,
        exchange,
        bodies,
      },
    ],
    nextCursor: `${number + 1}`,
  };
}

describe(archiveOf.name, () => {
  it('ends at its limit with the newest exchanges, reads no further, and says what is missing', async () => {
    let reads = 0;
    // A preview whose exchanges never end.
    const read = async (cursor = '0') => {
      reads++;
      return pageOf(Number(cursor));
    };
    let text = '';
    for await (const part of archiveOf(read, 'https://k3v9.preview.example')) text += part;
    expect(text.length).toBeLessThan(64 * MIB + 1000);
    const { log } = JSON.parse(text) as {
      log: { comment: string; entries: { request: { url: string } }[] };
    };
    expect(log.entries).toHaveLength(63);
    expect(reads).toBe(64);
    expect(log.entries[62].request.url).toBe('https://k3v9.preview.example/62');
    expect(log.comment).toContain('limit of 64 MiB');
  });
});
