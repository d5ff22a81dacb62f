import type { IngressProtocol, PreviewAccess } from '@culvert/terms';

/** Where in the cluster a preview's requests enter. */
export interface Ingress {
  readonly host: string;
  /** 0 when unknown: a Telepresence traffic manager tells it only once it is connected. */
  readonly port: number;
  readonly useTls: boolean;
  /** Layer-5 host: the `Host` header and SNI the ingress sees. */
  readonly l5Host: string;
  /** Whether the certificate of a TLS ingress must be valid. */
  readonly verifyTls: boolean;
  /** `h2` goes with `useTls`, `h2c` without. */
  readonly protocol: IngressProtocol;
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
  /** Lower-case. Who has one of these addresses, verified, may open a preview of `team` without being a member. */
  readonly allowedEmails: readonly string[];
  /** Lower-case. The same for every address at these domains, exactly. */
  readonly allowedDomains: readonly string[];
  readonly displayBanner: boolean;
  /** Whether requests may switch to protocols other than WebSocket. */
  readonly allowUpgrades: boolean;
  readonly pullRequestUrl: string | null;
  /** Headers set on every request that reaches the ingress. */
  readonly addRequestHeaders: Readonly<Record<string, string>>;
  readonly expiresAt: Date | null;
  /** After how many seconds without a request it ends; null: as the team says; 0: never. */
  readonly idleExpirySeconds: number | null;
  /** Whether it ends once its traffic manager has no living session, as the process that made it is gone then. */
  readonly endsWithSession: boolean;
  /** Of the last request, to a minute or so; null: none yet. */
  readonly lastUsedAt: Date | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** What the creator of a preview decides. */
export type PreviewDraft = Omit<
  Preview,
  | 'id'
  | 'teamId'
  | 'trafficManagerId'
  | 'allowUpgrades'
  | 'idleExpirySeconds'
  | 'endsWithSession'
  | 'lastUsedAt'
  | 'createdAt'
  | 'updatedAt'
> & {
  readonly allowUpgrades?: boolean;
  readonly idleExpirySeconds?: number | null;
  readonly endsWithSession?: boolean;
};

/** What may change while a preview lives. */
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
  >
>;

/** A preview that ended by itself, and why. */
export interface EndedPreview {
  readonly preview: Preview;
  readonly reason: 'expired' | 'unused' | 'session_ended';
}
