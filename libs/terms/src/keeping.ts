/** Maximum number of a preview's last exchanges that can be kept. */
export const MAX_KEEP_COUNT = 1000;
/** Maximum number of hours for which exchanges can be kept. */
export const MAX_KEEP_HOURS = 7 * 24;
/** Maximum number of names in a team's list of redacted fields. */
export const MAX_REDACTED_NAMES = 50;
/** Header fields whose values are never kept. */
export const NEVER_KEPT_FIELDS = ['authorization', 'cookie', 'proxy-authorization', 'set-cookie'] as const;

/**
 * - `exchange`: an exchange that was kept
 * - `omitted`: exchanges that were left out at this time, because there were too many or the database did not answer
 * - `unreadable`: an exchange that was encrypted with a key that the server no longer has, or that was changed
 */
export const KEPT_KINDS = ['exchange', 'omitted', 'unreadable'] as const;
export type KeptKind = (typeof KEPT_KINDS)[number];
