import type { Expiry } from '../flags.js';

/** The flags of `expose`. */
export interface ExposeFlags {
  readonly name?: string;
  readonly access: 'team' | 'public';
  readonly expires?: Expiry;
  readonly hostHeader?: string;
  /** Absent: as fits the target. */
  readonly rewriteOrigin?: boolean;
  readonly addRequestHeader?: Readonly<Record<string, string>>;
  readonly banner: boolean;
  readonly allowUpgrades?: boolean;
  readonly pullRequest?: string;
  /** Absent: print it where it is useful. */
  readonly qr?: boolean;
  readonly keep?: boolean;
  readonly log: boolean;
  readonly inspector: boolean;
  readonly inspectorPort?: number;
  readonly insecureTarget?: boolean;
}
