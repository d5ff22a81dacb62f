/** The behavior of a traffic manager of some version, and its possible faults. */

export interface Behaviour {
  /** Response to Manager/Version. */
  readonly version: string;
  /** Reaction to UpdateIntercept with `remove_preview_domain` when the cloud calls it. */
  readonly removal: 'obeys' | 'dies' | 'refuses';
  /** Sends its SETTINGS without waiting for the preface. Up to 2.3.1. */
  readonly speaksFirst: boolean;
  /** Measures bandwidth inside the reverse connection too: grpc-go's own server does, x/net's does not. Up to 2.3.1. */
  readonly measuresInside: boolean;
  /** Ends the connection inside with `too_many_pings`: grpc-go's own server does, x/net's does not. Up to 2.3.1. */
  readonly countsPings: boolean;
  /** Answers only after another Chunk follows the one that ends the preface. 2.3.2 to 2.4.7. */
  readonly waitsForChunkAfterPreface: boolean;
  /** Collects writes into Chunks up to this size; null sends each write unchanged. */
  readonly coalescedBytes: number | null;
  /** Ends a half-closed HandleConnection whose ingress has closed. Up to 2.4.7. */
  readonly endsHalfClosed: boolean;
  /** Dials again at once after a half-close; later versions wait for the end of the call. */
  readonly redialsWithoutWaiting: boolean;
  /** Whether deleting an intercept calls RemoveIntercept. From 2.3.1. */
  readonly removesIntercepts: boolean;
  /** Holds its state lock while it asks the cloud to remove something. From 2.6.3. */
  readonly locksWhileRemoving: boolean;
  /** Deadline of CreateDomain in milliseconds, or null. From 2.5.0. */
  readonly createTimeoutMs: number | null;
  /** Credentials: up to 2.1.3 a bearer token, then an API key. */
  readonly usesBearer: boolean;
  /** Asks for the preferred agent without credentials. From 2.6.5. */
  readonly asksAnonymously: boolean;
  readonly maxStreams: number | undefined;
}

/** Faults and rare behavior. All are off by default. */
export interface Faults {
  /** An empty Chunk before and after each. */
  readonly emptyChunks?: boolean;
  /** Neither answers HandleConnection nor dials. */
  readonly ignoresConnections?: boolean;
  /** Never sends anything on the reverse connection. */
  readonly isMute?: boolean;
  /** Dials again at once, without a pause, as long as it lives. */
  readonly redialStorm?: boolean;
  /** Opens this many reverse connections at once. Default: 1. */
  readonly connections?: number;
  /** Sends this on a new reverse connection, instead of HTTP/2. */
  readonly garbage?: Buffer;
}

/** @param version `v2.x.y` */
export function behaviourOf(version: string): Behaviour {
  const before = (other: string): boolean => compareVersions(version, other) < 0;
  return {
    version,
    removal: before('v2.6.0') ? 'obeys' : before('v2.8.2') ? 'dies' : 'refuses',
    speaksFirst: before('v2.3.2'),
    measuresInside: before('v2.3.2'),
    countsPings: before('v2.3.2'),
    waitsForChunkAfterPreface: !before('v2.3.2') && before('v2.4.8'),
    coalescedBytes: before('v2.4.8') ? null : 3 * 1024 * 1024,
    endsHalfClosed: before('v2.4.8'),
    redialsWithoutWaiting: before('v2.4.8'),
    removesIntercepts: !before('v2.3.1'),
    locksWhileRemoving: !before('v2.6.3'),
    createTimeoutMs: before('v2.5.0') ? null : 3000,
    usesBearer: before('v2.1.4'),
    asksAnonymously: !before('v2.6.5'),
    maxStreams: before('v2.3.2') ? undefined : 250,
  };
}

function compareVersions(one: string, other: string): number {
  const [a, b] = [one, other].map((version) => version.replace(/^v/, '').split('.').map(Number));
  const at = a.findIndex((number, index) => number !== b[index]);
  return at < 0 ? 0 : a[at] - b[at];
}
