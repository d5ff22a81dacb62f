/** What a run of `culvert` ended as. Scripts decide by these: none changes its meaning (docs/cli.md). */
export const EXIT = {
  ok: 0,
  /** None of the others: a fault of this program or of the server. */
  failure: 1,
  /** A command, flag, setting or value is wrong. */
  usage: 2,
  /** Nobody is signed in, or what they signed in with is not accepted any more. */
  notSignedIn: 3,
  /** Known, and not allowed to. */
  refused: 4,
  notFound: 5,
  /** Something that is there already, or as many as there may be, stands in the way. */
  conflict: 6,
  /** Culvert, or the cluster, does not answer as it should. */
  unreachable: 7,
  /** What is on this machine does not: the port to expose, the browser's answer. */
  localTarget: 8,
  /** 128 and the signal, as shells have it. */
  hungUp: 129,
  interrupted: 130,
  terminated: 143,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];
