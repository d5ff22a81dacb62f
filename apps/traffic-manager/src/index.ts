export { ConfigurationError } from '@culvert/runtime';
export { CLUSTER_CA_FILE } from './identity.js';
export { type TrafficManagerOptions } from './options.js';
export { startTrafficManager, type TrafficManager } from './traffic-manager.js';
export { readPodDaemonCommand, type PodDaemonOptions } from './pod-daemon/command.js';
export { startPodDaemon, type PodDaemon } from './pod-daemon/pod-daemon.js';
