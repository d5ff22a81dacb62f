import type { Target } from '@culvert/client';

/** One target of this machine that this process exposes, as the local inspector shows it. */
export interface InspectedEndpoint {
  /** Name among those of this process; '' if it has only one. */
  readonly name: string;
  /** URL at which visitors reach it; null before it has one. */
  readonly url: () => string | null;
  readonly target: Target;
  readonly verifyTls: boolean;
}
