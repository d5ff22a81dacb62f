import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { SnapshotFeed } from './snapshot-feed.js';

const read: string[] = [];
const garbage: string[] = [];
let feed: SnapshotFeed;

/** A snapshot of one intercept with an id of one letter. */
const snapshot = (id: string): Buffer => Buffer.from([0x0a, 3, 0x2a, 1, id.charCodeAt(0)]);

beforeEach(() => {
  vi.useFakeTimers();
  read.length = garbage.length = 0;
  feed = new SnapshotFeed({
    onSnapshot: (intercepts) => read.push(intercepts.map(({ id }) => id).join()),
    onGarbage: ({ message }) => garbage.push(message),
  });
});
afterEach(() => {
  feed.stop();
  vi.restoreAllMocks();
  vi.useRealTimers();
});

/** Makes the next read take this long. */
function takes(ms: number): void {
  const now = performance.now();
  vi.spyOn(performance, 'now')
    .mockReturnValueOnce(now)
    .mockReturnValueOnce(now + ms);
}

it('SnapshotFeed reads the first snapshot at once', () => {
  feed.push(snapshot('a'));
  expect(read).toEqual(['a']);
});

it('SnapshotFeed pauses nine times as long as its last read took, then reads only the newest snapshot', () => {
  takes(100);
  feed.push(snapshot('a'));
  for (const id of ['b', 'c', 'd']) feed.push(snapshot(id));
  vi.advanceTimersByTime(899);
  expect(read).toEqual(['a']);
  vi.advanceTimersByTime(1);
  expect(read).toEqual(['a', 'd']);
  vi.advanceTimersByTime(60_000);
  expect(read).toEqual(['a', 'd']);
  feed.push(snapshot('e'));
  expect(read).toEqual(['a', 'd', 'e']);
});

it('SnapshotFeed never pauses for longer than five seconds', () => {
  takes(60_000);
  feed.push(snapshot('a'));
  feed.push(snapshot('b'));
  vi.advanceTimersByTime(5000);
  expect(read).toEqual(['a', 'b']);
});

it('SnapshotFeed reports garbage once, and reads nothing after it', () => {
  takes(10);
  feed.push(snapshot('a'));
  feed.push(Buffer.from([0x0a, 9]));
  expect(garbage).toEqual([]);
  vi.advanceTimersByTime(90);
  expect(garbage).toHaveLength(1);
  feed.push(snapshot('b'));
  vi.advanceTimersByTime(60_000);
  expect([read, garbage.length]).toEqual([['a'], 1]);
});

it('SnapshotFeed delivers nothing once it is stopped', () => {
  takes(10);
  feed.push(snapshot('a'));
  feed.push(snapshot('b'));
  feed.stop();
  vi.advanceTimersByTime(60_000);
  expect(read).toEqual(['a']);
});
