export { ConfigurationError } from '@culvert/process';
export { type TrafficManagerOptions } from './options.js';
export { startTrafficManager, type TrafficManager } from './traffic-manager.js';
