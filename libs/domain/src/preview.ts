import type { AddressedAs, IngressProtocol, PreviewAccess } from '@culvert/terms';
import type { KeepSetting } from './keeping.js';

/** Where requests of a preview enter the cluster. */
export interface Ingress {
  readonly host: string;
  /** Port; 0 if unknown: a Telepresence traffic manager reports it only once it is connected. */
  readonly port: number;
  readonly useTls: boolean;
  /** Layer-5 host: the SNI sent to the ingress, and its `Host` header unless that is the preview's. */
  readonly l5Host: string;
  /** Whether the certificate of a TLS ingress must be valid. */
  readonly verifyTls: boolean;
  /** Protocol. `h2` needs `useTls`, `h2c` excludes it. */
  readonly protocol: IngressProtocol;
  /** The address under which the service is asked for its pages. */
  readonly addressedAs: AddressedAs;
}

export interface Preview {
  readonly id: string;
  readonly teamId: string;
  /** Full hostname, lower-case, without a port. Unique in the deployment. */
  readonly hostname: string;
  readonly interceptId: string;
  readonly trafficManagerId: string;
  readonly ingress: Ingress;
  readonly access: PreviewAccess;
  /** Lower-case. People with one of these verified addresses can open a preview of `team` without being members. */
  readonly allowedEmails: readonly string[];
  /** Lower-case. Every address at exactly these domains is allowed in the same way. */
  readonly allowedDomains: readonly string[];
  readonly displayBanner: boolean;
  /** Whether requests can switch to protocols other than WebSocket. */
  readonly allowUpgrades: boolean;
  readonly pullRequestUrl: string | null;
  /** Headers set on every request that reaches the ingress. */
  readonly addRequestHeaders: Readonly<Record<string, string>>;
  readonly expiresAt: Date | null;
  /** Seconds without a request after which it ends; null: the team's default; 0: never. */
  readonly idleExpirySeconds: number | null;
  /**
   * Whether it ends once its traffic manager has no living session, because the process that created it is gone then.
   */
  readonly endsWithSession: boolean;
  /** How its last exchanges are kept; null: they are not. */
  readonly keep: KeepSetting | null;
  /** Time of the last request, to about a minute; null: none yet. */
  readonly lastUsedAt: Date | null;
  readonly createdAt: Date;
  /** Neither use nor what its traffic manager reports counts. */
  readonly updatedAt: Date;
}

/** Fields that the creator of a preview sets. */
export type PreviewDraft = Omit<
  Preview,
  | 'id'
  | 'teamId'
  | 'trafficManagerId'
  | 'allowUpgrades'
  | 'idleExpirySeconds'
  | 'endsWithSession'
  | 'keep'
  | 'lastUsedAt'
  | 'createdAt'
  | 'updatedAt'
> & {
  readonly allowUpgrades?: boolean;
  readonly idleExpirySeconds?: number | null;
  readonly endsWithSession?: boolean;
  readonly keep?: KeepSetting | null;
};

/** Fields that can change while a preview lives. */
export type PreviewChange = Partial<
  Pick<
    Preview,
    | 'ingress'
    | 'access'
    | 'allowedEmails'
    | 'allowedDomains'
    | 'displayBanner'
    | 'allowUpgrades'
    | 'pullRequestUrl'
    | 'addRequestHeaders'
    | 'expiresAt'
    | 'idleExpirySeconds'
    | 'endsWithSession'
    | 'keep'
  >
>;

/** A preview that ended by itself, and why. */
export interface EndedPreview {
  readonly preview: Preview;
  readonly reason: 'expired' | 'unused' | 'session_ended';
}
