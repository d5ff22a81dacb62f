/** Exit codes of `culvert`. Scripts depend on them, so their meaning never changes (docs/cli.md). */
export const EXIT = {
  ok: 0,
  /** Any other failure: a bug in this program or in the server. */
  failure: 1,
  /** A command, flag, setting or value is wrong. */
  usage: 2,
  /** No one is signed in, or the credential is no longer accepted. */
  notSignedIn: 3,
  /** The credential is known but lacks permission. */
  refused: 4,
  notFound: 5,
  /** A thing that already exists, or a limit that is reached, prevents it. */
  conflict: 6,
  /** Culvert or the cluster does not answer as expected. */
  unreachable: 7,
  /** This machine does not answer as expected: the port to expose, or the browser. */
  localTarget: 8,
  /** 128 plus the signal, as in shells. */
  hungUp: 129,
  interrupted: 130,
  terminated: 143,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];
