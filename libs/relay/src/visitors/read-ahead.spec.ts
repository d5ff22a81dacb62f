/** Bytes that come before they can be used: kept once, in order, and never more than the bound and one read. */
import net from 'node:net';
import { describe, expect, it } from 'vitest';
import { MAX_PENDING_BYTES } from '../limits.js';
import { ReadAhead } from './read-ahead.js';

describe(ReadAhead.name, () => {
  it('returns what it holds once, followed by later bytes', () => {
    const ahead = new ReadAhead(new net.Socket());
    expect(ahead.drain()).toBeNull();
    ahead.hold(Buffer.from('xxab'), 2);
    expect(ahead.drainWith(Buffer.from('cd')).toString()).toBe('abcd');
    expect(ahead.drain()).toBeNull();
    expect(ahead.drainWith(Buffer.from('ef')).toString()).toBe('ef');
  });

  it.each([
    ['while it has room', MAX_PENDING_BYTES - 1, false, false],
    ['until it is full', MAX_PENDING_BYTES, false, true],
    ['until body bytes are not wanted', 0, true, true],
  ])('reads the socket %s', (_when, bytes, isPaused, isSocketPaused) => {
    const socket = new net.Socket().resume();
    const ahead = new ReadAhead(socket);
    ahead.hold(Buffer.alloc(bytes), 0);
    if (isPaused) ahead.pause();
    else ahead.adjust();
    expect(socket.isPaused()).toBe(isSocketPaused);
    ahead.isPaused = false;
    ahead.drain();
    ahead.adjust();
    expect(socket.isPaused()).toBe(false);
  });
});
