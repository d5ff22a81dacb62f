import type { MetricsPort } from '@culvert/runtime';

/** One port of the application, with the agent in front of it. */
export interface AgentPortOptions {
  /** Port of the agent; 0 chooses a free one. */
  readonly port: number;
  /** Port of the application. */
  readonly applicationPort: number;
  /** Name of the port in the pod, or empty. */
  readonly name: string;
  /** `tcp`: bytes pass unchanged, whatever the protocol. Needed if the application sends first. */
  readonly protocol: 'http' | 'tcp';
}

/** Options of `startTrafficAgent`. */
export interface TrafficAgentOptions {
  readonly ports: readonly AgentPortOptions[];
  /** Host of the application. */
  readonly applicationHost: string;
  readonly workload: string;
  readonly namespace: string;
  readonly kind: string;
  readonly pod: string;
  /** URL of the traffic manager inside the cluster. */
  readonly managerUrl: URL;
  /** PEM certificates to trust for it instead of the built-in ones, read again before every attempt. */
  readonly managerCa?: (() => Promise<string>) | undefined;
  /** Cluster secret or API key. */
  readonly credential: () => Promise<string>;
  /** How long requests in progress may take when the agent stops. */
  readonly drainMs: number;
  /** Port of `/healthz`, `/readyz` and `/metrics`, or null. */
  readonly adminPort: number | null;
  /** Where `/metrics` has a port of its own; null: with `/healthz`. */
  readonly metrics: MetricsPort | null;
}
