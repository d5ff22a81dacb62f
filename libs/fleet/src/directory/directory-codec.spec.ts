import { SeededRandom } from '@culvert/testkit';
import { describe, expect, it } from 'vitest';
import {
  decodeEdge,
  decodeHolding,
  decodeMessage,
  encodeChanges,
  encodeConfirm,
  encodeEdge,
  encodeEdgeMessage,
  encodeGone,
  encodeHolding,
  MAX_MESSAGE_LENGTH,
} from './directory-codec.js';

const NODE = {
  id: 'edge-1',
  name: 'eu-1:8080 worker 2',
  address: 'edge-1.internal:9091',
  machineId: 'm',
  socketPath: '/run/e.sock',
};
const RECORD = { node: NODE, isComplete: false, heldCount: 17 };

describe('holdings', () => {
  it('are read as they were written, with and without a longest idle time', () => {
    const holding = { tunnelCount: 2, streamCount: 7, roundTripMs: 12.35 };
    expect(decodeHolding(encodeHolding(holding, 9))).toEqual({ ...holding, sequence: 9 });
    const idle = { ...holding, maxIdleStreamMs: 60_000 };
    expect(decodeHolding(encodeHolding(idle, 9))).toEqual({ ...idle, sequence: 9 });
  });

  it('may have further members, of a later version', () => {
    expect(decodeHolding('1,2,3,,4,new,newer')).toEqual({
      tunnelCount: 1,
      streamCount: 2,
      roundTripMs: 3,
      sequence: 4,
    });
  });

  it('are not read if a member is missing, negative, not a number or too long', () => {
    const texts = [
      '',
      '1',
      '1,0,0,',
      '0,0,0,,1',
      '-1,0,0,,1',
      '1,-1,0,,1',
      '1,0,x,,1',
      '1,0,0,x,1',
      '1,0,0,,',
      '1,0,1e9,,1',
    ];
    for (const text of [...texts, `1,0,0,,1,${'x'.repeat(300)}`])
      expect(decodeHolding(text), text).toBeNull();
  });
});

describe('records of edges', () => {
  it('are read as they were written', () => {
    expect(decodeEdge(NODE.id, encodeEdge(RECORD))).toEqual(RECORD);
    const { socketPath: _, ...node } = NODE;
    const record = { node, isComplete: true, heldCount: 0 };
    expect(decodeEdge(NODE.id, encodeEdge(record))).toEqual(record);
  });

  it('of an older version have no name and no number, and unreadable ones are left out', () => {
    const valid = { address: 'a:1', machineId: '', isComplete: true };
    const record = { node: { id: 'edge', address: 'a:1', machineId: '' }, isComplete: true, heldCount: 0 };
    for (const added of [{}, { name: 'a\nb', heldCount: -1 }, { name: 'x'.repeat(101), heldCount: 'many' }])
      expect(decodeEdge('edge', JSON.stringify({ ...valid, ...added }))).toEqual(record);
  });

  it('are not read if a member has another type, or the id is not one', () => {
    const valid = { address: 'a:1', machineId: '', isComplete: true };
    const wrong = [
      { address: 1 },
      { machineId: null },
      { isComplete: 'yes' },
      { socketPath: 7 },
      { address: 'a'.repeat(600) },
    ];
    expect(decodeEdge('edge', JSON.stringify(valid))).not.toBeNull();
    for (const member of wrong)
      expect(decodeEdge('edge', JSON.stringify({ ...valid, ...member }))).toBeNull();
    for (const id of ['', 'a b', 'é', 'x'.repeat(65)])
      expect(decodeEdge(id, JSON.stringify(valid))).toBeNull();
  });
});

describe('messages', () => {
  const changes = [
    ['manager-1', encodeHolding({ tunnelCount: 1, streamCount: 0, roundTripMs: 1 }, 5)],
    ['manager-2', null, 6],
  ];
  const texts = [
    encodeEdgeMessage(RECORD),
    encodeGone('edge-1'),
    encodeChanges('edge-1', changes),
    encodeConfirm(['manager-1']),
  ];

  it('are read as they were written', () => {
    expect(texts.map(decodeMessage)).toEqual([
      { type: 'edge', record: RECORD },
      { type: 'gone', edgeId: 'edge-1' },
      {
        type: 'holdings',
        edgeId: 'edge-1',
        changes: [
          {
            trafficManagerId: 'manager-1',
            sequence: 5,
            holding: { tunnelCount: 1, streamCount: 0, roundTripMs: 1, sequence: 5 },
          },
          { trafficManagerId: 'manager-2', sequence: 6, holding: null },
        ],
      },
      { type: 'confirm', trafficManagerIds: ['manager-1'] },
    ]);
  });

  it('of a later version differ from text that is not a message', () => {
    expect(decodeMessage('{"type":"later"}')).toBeUndefined();
    for (const text of ['', 'null', '7', '[]', '{}', '{"type":7}', ' '.repeat(MAX_MESSAGE_LENGTH + 1)])
      expect(decodeMessage(text)).toBeNull();
  });

  it('never throw, whatever is changed in them', () => {
    const random = new SeededRandom(7);
    for (let round = 0; round < 20_000; round++) {
      const text = texts[random.below(texts.length)];
      const at = random.below(text.length);
      const piece = ['', '"', '{', '}', '[', ']', ',', 'null', '1e999', '-1', '\\u0000'][random.below(11)];
      const changed = text.slice(0, at) + piece + text.slice(at + random.below(4));
      expect(() => decodeMessage(changed)).not.toThrow();
    }
  });
});
