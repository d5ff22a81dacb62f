import { isIP } from 'node:net';
import { z } from 'zod';
import { portNumber, type VariableValues } from './read-variables.js';

export const HOSTNAME =
  /^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/;

/** An address to listen on. */
export function ownAddress() {
  return z
    .string()
    .refine((text) => isIP(text) !== 0 || HOSTNAME.test(text))
    .describe('an address or host name of this machine to listen on');
}

/** Variables of the port of metrics, which all programs have. */
export const METRICS_VARIABLES = { METRICS_PORT: portNumber(), METRICS_ADDRESS: ownAddress() } as const;

/** Where metrics have a port of their own. */
export interface MetricsPort {
  readonly port: number;
  readonly host: string;
}

/** Returns the port of metrics; null: they are with health. Only this machine reaches it unless an address is set. */
export function metricsPortOf({
  METRICS_PORT: port,
  METRICS_ADDRESS: host = '127.0.0.1',
}: VariableValues<typeof METRICS_VARIABLES>): MetricsPort | null {
  return port === undefined ? null : { port, host };
}
