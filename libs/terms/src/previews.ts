/** `team`: only members of the owning team; `public`: anyone who knows the hostname. */
export const PREVIEW_ACCESS = ['team', 'public'] as const;
export type PreviewAccess = (typeof PREVIEW_ACCESS)[number];

/**
 * What the edge speaks with an ingress. `http1`: HTTP/1.1; `h2c`: HTTP/2 without TLS, by prior knowledge; `h2`: HTTP/2
 * over TLS, agreed by ALPN. gRPC services need one of the latter two.
 */
export const INGRESS_PROTOCOLS = ['http1', 'h2c', 'h2'] as const;
export type IngressProtocol = (typeof INGRESS_PROTOCOLS)[number];

/** How an intercept is doing: the words of Telepresence's InterceptDispositionType, in the order of its numbers. */
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
 * - `pending`: to be written, or written anew
 * - `posted`: the forge shows the comment as it should be
 * - `failed`: the forge refused or did not answer; the comment's `detail` says why, and another attempt follows
 * - `unsupported`: the URL is not a pull request of a forge that this deployment writes to
 */
export const PULL_REQUEST_COMMENT_STATUSES = ['pending', 'posted', 'failed', 'unsupported'] as const;
export type PullRequestCommentStatus = (typeof PULL_REQUEST_COMMENT_STATUSES)[number];
