export { ByteQueue } from './byte-queue.js';
export { RateWindow } from './rate-window.js';
export { ReadyQueue, type ReadyStream } from './ready-queue.js';
export { ReceiveBudget } from './receive-budget.js';
export { ReceiveWindow } from './receive-window.js';
export { joined, Slab, SlabBatch } from './slab-batch.js';
export { following, follows } from './transitions.js';
