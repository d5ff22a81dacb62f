/** The parts of pull request URLs. Only texts that match these forms get into the path of a request. */
export const NAME = /^(?!\.{1,2}$)[A-Za-z0-9_.-]{1,100}$/;
export const OWNER = /^[A-Za-z0-9_][A-Za-z0-9_-]{0,99}$/;
export const NUMBER = /^[1-9]\d{0,9}$/;

/**
 * Returns owner, repository and number of `<base>/<owner>/<repository>/<word>/<number>`, with any path after it; null for
 * any other URL.
 */
export function repositoryPath(
  url: string,
  { base, word, owner: form }: { readonly base: string; readonly word: string; readonly owner: RegExp },
): { readonly owner: string; readonly repository: string; readonly number: string } | null {
  const [owner = '', repository = '', found, number = ''] = pathBelow(base, url) ?? [];
  if (!form.test(owner) || !NAME.test(repository) || found !== word || !NUMBER.test(number)) return null;
  return { owner, repository, number };
}

/** Returns `url` without `suffix`, if it ends with it. */
export function withoutSuffix(url: string, suffix: string): string {
  return url.endsWith(suffix) ? url.slice(0, -suffix.length) : url;
}

/** Returns the segments of `url`'s path below `base`; null if it does not begin with `base`. */
export function pathBelow(base: string, url: string): string[] | null {
  if (!URL.canParse(url)) return null;
  const { origin, pathname, username, password } = new URL(url);
  const { origin: baseOrigin, pathname: basePath } = new URL(base);
  const prefix = basePath.endsWith('/') ? basePath : `${basePath}/`;
  if (origin !== baseOrigin || username !== '' || password !== '' || !pathname.startsWith(prefix))
    return null;
  return pathname.slice(prefix.length).split('/');
}
