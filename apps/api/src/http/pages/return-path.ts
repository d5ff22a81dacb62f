// It is stored in a cookie, of which browsers keep 4 KiB.
const MAX_LENGTH = 2000;
// Browsers read a backslash as a slash, and drop tabs and line ends: "/\t/evil" would be "//evil".
const PATH = /^\/(?![/\\])[\x21-\x5b\x5d-\x7e]*$/;

/**
 * Returns where to redirect after signing in: a path on the app host, or `/` for any value that could lead elsewhere.
 * @param wanted value from the request, which can come from an attacker
 */
export function returnPath(wanted: unknown): string {
  return typeof wanted === 'string' && wanted.length <= MAX_LENGTH && PATH.test(wanted) ? wanted : '/';
}

/** Returns the path of the sign-in page, from which people return to `path`. */
export function signInPath(path: string): string {
  const back = returnPath(path);
  return back === '/' ? '/sign-in' : `/sign-in?return=${encodeURIComponent(back)}`;
}
