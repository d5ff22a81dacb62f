/**
 * Telepresence's messages as this side sees them. Absent scalars have their zero value, as in proto3; absent messages
 * are undefined.
 */

export type Empty = Readonly<Record<string, never>>;

export interface VersionInfo {
  /** 3 in all known callers. */
  readonly apiVersion: number;
  /** `v2.x.y`; the user daemon from 2.8.0 leaves the v out. */
  readonly version: string;
  readonly executable: string;
  readonly name: string;
}

/** Response of Manager/Version. */
export interface VersionInfo2 {
  /** `v2.x.y`. */
  readonly version: string;
}

export interface IngressInfo {
  readonly host: string;
  readonly port: number;
  readonly useTls: boolean;
  readonly l5host: string;
}

export interface PreviewSpec {
  readonly ingress?: IngressInfo;
  readonly displayBanner: boolean;
  readonly pullRequestUrl: string;
  readonly addRequestHeaders: Readonly<Record<string, string>>;
}

export interface InterceptSpec {
  readonly name: string;
  /** `user@host`. */
  readonly client: string;
  /** The workload's name. */
  readonly agent: string;
  /** `tcp` or `http`. */
  readonly mechanism: string;
  readonly targetHost: string;
  readonly targetPort: number;
  readonly namespace: string;
  readonly mechanismArgs: readonly string[];
  readonly servicePortIdentifier: string;
  readonly serviceUid: string;
  readonly workloadKind: string;
  readonly serviceName: string;
  readonly extraPorts: readonly number[];
  readonly localPorts: readonly string[];
  readonly servicePortName: string;
  readonly servicePort: number;
  readonly protocol: string;
}

export const Disposition = {
  UNSPECIFIED: 0,
  ACTIVE: 1,
  WAITING: 2,
  NO_CLIENT: 3,
  NO_AGENT: 4,
  NO_MECHANISM: 5,
  NO_PORTS: 6,
  AGENT_ERROR: 7,
  BAD_ARGS: 8,
} as const;
export type Disposition = (typeof Disposition)[keyof typeof Disposition];

/** An intercept as its manager reports it, without the keys, environment and session that the message also has. */
export interface InterceptInfo {
  /** `<client session>:<name>`. */
  readonly id: string;
  readonly spec?: InterceptSpec;
  /** One of `Disposition`, or a number of a later version. */
  readonly disposition: number;
  readonly message: string;
  /** The hostname that CreateDomain answered, or empty. */
  readonly previewDomain: string;
  readonly previewSpec?: PreviewSpec;
  readonly mechanismArgsDesc: string;
  /** What the agent matches; a value may be a regular expression. */
  readonly headers: Readonly<Record<string, string>>;
  readonly metadata: Readonly<Record<string, string>>;
}

/** The fields of an intercept that this side reads from a snapshot. */
export interface ShownIntercept extends Pick<
  InterceptInfo,
  'id' | 'disposition' | 'message' | 'previewDomain'
> {
  /** Where the manager dials for its preview; null when it has none. */
  readonly ingress: IngressInfo | null;
  readonly headers: ReadonlyMap<string, string>;
  readonly metadata: ReadonlyMap<string, string>;
}

export interface InterceptInfoSnapshot {
  readonly intercepts: readonly InterceptInfo[];
}

export interface SessionInfo {
  readonly sessionId: string;
}

export interface UpdateInterceptRequest {
  /** With an empty session, `name` is the whole intercept id. */
  readonly session: SessionInfo;
  readonly name: string;
  readonly removePreviewDomain: boolean;
}

export interface CreateDomainRequest {
  readonly interceptId: string;
  readonly displayBanner: boolean;
  readonly interceptSpec?: InterceptSpec;
  /** The ingress's layer-5 host; empty before 2.1.0. */
  readonly host: string;
  readonly pullRequestUrl: string;
  readonly addRequestHeaders: Readonly<Record<string, string>>;
}

export interface CreateDomainResponse {
  /** A bare host name, and never empty: a manager treats an empty one as a failure. */
  readonly domain: string;
}

export interface RemoveDomainRequest {
  readonly domain: string;
}

export interface InterceptRemoval {
  readonly interceptId: string;
}

export interface PreferredAgentResponse {
  /** `registry/repository/name:tag`. */
  readonly imageName: string;
}

export interface CommandMessageResponse {
  /** Shown after `telepresence intercept` to a user who is not logged in. */
  readonly intercept: string;
}

export const ReviewStatus = { UNSPECIFIED: 0, ALLOW: 1, DENY: 2 } as const;
export type ReviewStatus = (typeof ReviewStatus)[keyof typeof ReviewStatus];

export interface ReviewInterceptResponse {
  readonly status: ReviewStatus;
  readonly msg: string;
}

export interface IngressInfoRequest {
  readonly serviceUid: string;
  readonly serviceName: string;
  readonly servicePortIdentifier: string;
  readonly servicePort: number;
  readonly namespace: string;
}

export interface DaemonInfo {
  readonly daemonId: string;
  readonly workstationName: string;
  readonly kubeContextName: string;
  readonly sessionId: string;
  readonly cliVersion: string;
  readonly daemonVersion: string;
}

export interface Namespace {
  readonly uid: string;
  readonly name: string;
  readonly isDefault: boolean;
}

export interface AvailableNamespacesRequest {
  readonly daemonInfo?: DaemonInfo;
  readonly availableNamespaces: readonly Namespace[];
}

export interface Service {
  readonly uid: string;
  readonly name: string;
  readonly namespace: string;
  readonly ports: readonly { readonly name: string; readonly port: number }[];
  readonly workloads: readonly { readonly uid: string; readonly kind: string; readonly name: string }[];
}

export interface AvailableServicesRequest {
  readonly daemonInfo?: DaemonInfo;
  readonly availableServices: readonly Service[];
}

export interface NamespacesToWatchRequest {
  readonly daemonInfo?: DaemonInfo;
  readonly namespaces: readonly Namespace[];
}

export interface NamespacesToWatchResponse {
  readonly namespaces: readonly Namespace[];
}

export interface InterceptParameter {
  readonly name: string;
  readonly value: string;
}

export interface Timestamp {
  /** Since the epoch. */
  readonly seconds: number;
  readonly nanos: number;
}

export interface InterceptCreationResult {
  readonly daemonId: string;
  readonly startedAt?: Timestamp;
  readonly endedAt?: Timestamp;
  readonly interceptBaseName: string;
  readonly interceptParameters: readonly InterceptParameter[];
  readonly interceptExecCommand: string;
  readonly interceptError: number;
  readonly interceptErrorText: string;
  readonly clusterId: string;
  readonly clusterNamespace: string;
}

export interface GetSavedInterceptRequest {
  readonly name: string;
}

export interface SavedIntercept {
  readonly telepresenceCliVersion: string;
  readonly telepresenceUserDaemonVersion: string;
  readonly interceptBaseName: string;
  readonly interceptParameters: readonly InterceptParameter[];
  readonly interceptExecCommand: string;
}

export interface AutocompleteSavedInterceptRequest {
  readonly toComplete: string;
}

export interface AutocompleteSavedInterceptsResponse {
  readonly completions: readonly string[];
}
