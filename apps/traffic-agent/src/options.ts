/** One port of the application that the agent stands in front of. */
export interface AgentPortOptions {
  /** Where the agent listens; 0 takes a free one. */
  readonly port: number;
  /** Where the application listens. */
  readonly applicationPort: number;
  /** Its name in the pod, or empty. */
  readonly name: string;
  /** `tcp`: bytes pass as they are, whatever they are. Needed where the application speaks first. */
  readonly protocol: 'http' | 'tcp';
}

/** What `startTrafficAgent` is told. */
export interface TrafficAgentOptions {
  readonly ports: readonly AgentPortOptions[];
  /** Address of the application. */
  readonly applicationHost: string;
  readonly workload: string;
  readonly namespace: string;
  readonly kind: string;
  readonly pod: string;
  /** Address of the traffic manager inside the cluster. */
  readonly managerUrl: URL;
  /** PEM certificates to trust there instead of the built-in ones, read anew before every attempt. */
  readonly managerCa?: (() => Promise<string>) | undefined;
  /** Cluster secret or API key. */
  readonly credential: () => Promise<string>;
  /** How long requests under way may go on when it stops. */
  readonly drainMs: number;
  /** Port of `/healthz` and `/readyz`, or null. */
  readonly adminPort: number | null;
}
