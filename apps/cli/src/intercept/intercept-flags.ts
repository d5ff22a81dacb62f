import type { Expiry } from '../flags.js';

/** The flag that locates the meeting point of a cluster. */
export interface ManagerFlags {
  readonly manager?: string;
}

/** The flags of `intercept`. */
export interface InterceptFlags extends ManagerFlags {
  readonly port: string;
  readonly address: string;
  readonly workload?: string;
  readonly namespace: string;
  readonly workloadKind: string;
  readonly httpHeader?: string[];
  readonly httpMatch?: string[];
  readonly previewUrl: boolean;
  readonly ingressHost?: string;
  readonly ingressPort?: number;
  readonly ingressTls?: boolean;
  readonly ingressL5host?: string;
  readonly ingressL5?: string;
  readonly addRequestHeader?: Readonly<Record<string, string>>;
  readonly access: 'team' | 'public';
  readonly expires?: Expiry;
  readonly banner: boolean;
  readonly pullRequest?: string;
  readonly qr?: boolean;
  readonly log: boolean;
}

/** The flags of `leave`. */
export interface LeaveFlags extends ManagerFlags {
  readonly namespace?: string;
}
