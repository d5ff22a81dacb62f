export { Counts } from './counts.js';
export { type Distribution, Histogram, REQUEST_BOUNDS_MS, STEP_BOUNDS_MS } from './histogram.js';
export { type Label, labelsOf, seriesCount, seriesOf } from './labels.js';
