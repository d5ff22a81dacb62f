export { ConfigurationError } from './configuration-error.js';
export { type TrafficManagerOptions } from './options.js';
export { startTrafficManager, type TrafficManager } from './traffic-manager.js';
