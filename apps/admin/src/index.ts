export { createCommand, type Terminal } from './command.js';
