export { decodedBytes, textOf } from './body-text.js';
export { type HarItem, harText } from './har.js';
