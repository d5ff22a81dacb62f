export { RateWindow } from './rate-window.js';
