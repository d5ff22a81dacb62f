// It travels in a cookie, of which browsers keep 4 KiB.
const MAX_LENGTH = 2000;
// Browsers read a backslash as a slash, and drop tabs and line ends: "/\t/evil" would be "//evil".
const PATH = /^\/(?![/\\])[\x21-\x5b\x5d-\x7e]*$/;

/**
 * Where to go after signing in: a path on the app host, or `/` for anything that might lead elsewhere.
 * @param wanted what the request says, which anybody may have written
 */
export function returnPath(wanted: unknown): string {
  return typeof wanted === 'string' && wanted.length <= MAX_LENGTH && PATH.test(wanted) ? wanted : '/';
}

/** The page to sign in on, from which people come back to `path`. */
export function signInPath(path: string): string {
  const back = returnPath(path);
  return back === '/' ? '/sign-in' : `/sign-in?return=${encodeURIComponent(back)}`;
}
