export { RateWindow } from './rate-window.js';
export { Slab, SlabBatch } from './slab-batch.js';
