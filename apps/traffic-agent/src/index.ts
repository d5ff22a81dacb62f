export { type AgentPortOptions, type TrafficAgentOptions } from './options.js';
export { startTrafficAgent, type TrafficAgent } from './traffic-agent.js';
