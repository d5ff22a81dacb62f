import { describe, expect, it } from 'vitest';
import { ReadyQueue, type ReadyStream } from './ready-queue.js';

const QUANTUM = 10;
const ALONE = 100;

/** Has this many bytes to send, and notes each turn in `log`. */
class Sender implements ReadyStream {
  nextReady: ReadyStream | null = null;
  isReady = false;

  constructor(
    private readonly queue: ReadyQueue,
    private readonly log: string[],
    private readonly name: string,
    private bytes: number,
  ) {}

  serve(maxBytes: number): void {
    const sent = Math.min(maxBytes, this.bytes);
    this.bytes -= sent;
    this.log.push(`${this.name} ${sent}`);
    if (this.bytes > 0) this.queue.add(this);
  }
}

describe('ReadyQueue', () => {
  const serveAll = (queue: ReadyQueue): void => {
    while (queue.serveNext());
  };

  it('gives each stream turns of one quantum, and longer turns to the only one left', () => {
    const queue = new ReadyQueue(QUANTUM, ALONE);
    const log: string[] = [];
    for (const [name, bytes] of [
      ['a', 25],
      ['b', 5],
      ['c', 130],
    ] as const)
      queue.add(new Sender(queue, log, name, bytes));
    serveAll(queue);
    expect(log).toEqual(['a 10', 'b 5', 'c 10', 'a 10', 'c 10', 'a 5', 'c 100', 'c 10']);
    expect(queue.isEmpty).toBe(true);
  });

  it('gives a stream one turn however often it was added', () => {
    const queue = new ReadyQueue(QUANTUM, ALONE);
    const log: string[] = [];
    const stream = new Sender(queue, log, 'a', 1);
    expect([queue.add(stream), queue.add(stream)]).toEqual([true, false]);
    serveAll(queue);
    expect(log).toEqual(['a 1']);
    expect(queue.add(stream)).toBe(true);
    expect(queue.isEmpty).toBe(false);
  });

  it('accepts a stream that is added while another one is served', () => {
    const queue = new ReadyQueue(QUANTUM, ALONE);
    const log: string[] = [];
    const second = new Sender(queue, log, 'second', 1);
    queue.add({ nextReady: null, isReady: false, serve: () => queue.add(second) });
    serveAll(queue);
    expect(log).toEqual(['second 1']);
  });

  it('keeps its order when a turn fails', () => {
    const queue = new ReadyQueue(QUANTUM, ALONE);
    const log: string[] = [];
    const faulty: ReadyStream = {
      nextReady: null,
      isReady: false,
      serve() {
        throw new Error('a handler failed');
      },
    };
    queue.add(faulty);
    queue.add(new Sender(queue, log, 'a', 15));
    expect(() => queue.serveNext()).toThrow('a handler failed');
    queue.add(faulty);
    expect(queue.serveNext()).toBe(true);
    expect(log).toEqual(['a 10']);
    expect(() => queue.serveNext()).toThrow('a handler failed');
  });

  it('serves no stream after it was cleared', () => {
    const queue = new ReadyQueue(QUANTUM, ALONE);
    const log: string[] = [];
    queue.add(new Sender(queue, log, 'a', 1));
    queue.clear();
    expect(queue.isEmpty).toBe(true);
    expect(queue.serveNext()).toBe(false);
    queue.add(new Sender(queue, log, 'b', 1));
    serveAll(queue);
    expect(log).toEqual(['b 1']);
  });
});
