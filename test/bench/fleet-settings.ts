import { randomBytes } from 'node:crypto';

/** Returns the settings with which edges use each other's tunnels. */
export function fleetSettings(redisUrl: string): Record<string, string> {
  return { REDIS_URL: redisUrl, EDGE_LINK_SECRET: randomBytes(32).toString('hex'), EDGE_LINK_PORT: '0' };
}
