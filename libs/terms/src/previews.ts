/** `team`: members of the owning team and the people it lets in; `public`: anyone who knows the hostname. */
export const PREVIEW_ACCESS = ['team', 'public'] as const;
export type PreviewAccess = (typeof PREVIEW_ACCESS)[number];

/**
 * Protocols between the edge and an ingress. `http1`: HTTP/1.1; `h2c`: HTTP/2 without TLS, by prior knowledge; `h2`:
 * HTTP/2 over TLS, agreed by ALPN. gRPC services need `h2c` or `h2`.
 */
export const INGRESS_PROTOCOLS = ['http1', 'h2c', 'h2'] as const;
export type IngressProtocol = (typeof INGRESS_PROTOCOLS)[number];

/**
 * The address under which a service is asked for its pages (docs/relay.md#addresses). `l5host`: the Host header is the
 * ingress's `l5Host`, and everything else names the preview; `target`: as if it were opened at its own address;
 * `preview`: it learns the preview's URL.
 */
export const ADDRESSED_AS = ['l5host', 'target', 'preview'] as const;
export type AddressedAs = (typeof ADDRESSED_AS)[number];

/** State of an intercept: the values of Telepresence's InterceptDispositionType, in the order of its numbers. */
export const DISPOSITIONS = [
  'UNSPECIFIED',
  'ACTIVE',
  'WAITING',
  'NO_CLIENT',
  'NO_AGENT',
  'NO_MECHANISM',
  'NO_PORTS',
  'AGENT_ERROR',
  'BAD_ARGS',
] as const;
export type Disposition = (typeof DISPOSITIONS)[number];

/**
 * - `pending`: must be written or updated
 * - `posted`: the forge shows the current comment
 * - `failed`: the forge refused or did not answer; the comment's `detail` says why, and Culvert tries again
 * - `unsupported`: the URL is not a pull request of a forge that this deployment writes to
 */
export const PULL_REQUEST_COMMENT_STATUSES = ['pending', 'posted', 'failed', 'unsupported'] as const;
export type PullRequestCommentStatus = (typeof PULL_REQUEST_COMMENT_STATUSES)[number];

/** Shortest `idleExpirySeconds` of a preview: last uses are stored by the minute, so shorter times would not be exact. */
export const MIN_IDLE_EXPIRY_SECONDS = 300;
