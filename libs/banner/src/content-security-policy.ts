/** The sources of a directive that allow nothing. */
const NONE = /^'none'$/i;
const UNSAFE_INLINE = /^'unsafe-inline'$/i;
/** Either takes the effect of 'unsafe-inline' away (CSP level 3, §6.7.3.2). */
const NONCE_OR_HASH = /^'(?:nonce-|sha(?:256|384|512)-)/i;

interface Directive {
  readonly name: string;
  readonly text: string;
  readonly sources: readonly string[];
}

/**
 * Returns a Content-Security-Policy that allows the same and, in addition, the style element whose hash is `source`.
 * Nothing changes for scripts, or for the page's own styles. @param value value of one header field: policies separated by
 * commas
 */
export function allowStyle(value: string, source: string): string {
  return value
    .split(',')
    .map((policy) => allowStyleInPolicy(policy, source))
    .join(',');
}

function allowStyleInPolicy(policy: string, source: string): string {
  const directives = policy.split(';').map(parse);
  // The most specific directive applies, and of repeated ones the first (§4.1, §6.8.3).
  const deciding = ['style-src-elem', 'style-src', 'default-src']
    .map((name) => directives.find((directive) => directive.name === name))
    .find((directive) => directive !== undefined);
  if (deciding === undefined || allowsInline(deciding.sources)) return policy;
  const sources = [...deciding.sources.filter((each) => !NONE.test(each)), source].join(' ');
  if (deciding.name === 'default-src') {
    // As narrow as possible: style attributes and everything else keep to default-src.
    return `${policy.replace(/[;\s]*$/, '')}; style-src-elem ${sources}`;
  }
  return directives
    .map((directive) => (directive === deciding ? ` ${directive.name} ${sources}` : directive.text))
    .join(';')
    .trimStart();
}

/**
 * Reports whether every policy allows a page to show an image of its own host.
 * @param value as of `allowStyle`
 */
export function allowsOwnImage(value: string): boolean {
  return value.split(',').every((policy) => {
    const directives = policy.split(';').map(parse);
    const find = (name: string) => directives.find((directive) => directive.name === name);
    const sandbox = find('sandbox');
    // A page without an origin has no host of its own, and no cookies.
    if (sandbox !== undefined && !allows(sandbox, 'allow-same-origin')) return false;
    const deciding = find('img-src') ?? find('default-src');
    return deciding === undefined || deciding.sources.some((source) => /^(?:\*|'self')$/i.test(source));
  });
}

/**
 * Reports whether every policy allows a page to submit forms, including `method=dialog`: only a sandbox forbids them.
 * @param value as of `allowStyle`
 */
export function allowsForms(value: string): boolean {
  return value.split(',').every((policy) => {
    const sandbox = policy
      .split(';')
      .map(parse)
      .find(({ name }) => name === 'sandbox');
    return sandbox === undefined || allows(sandbox, 'allow-forms');
  });
}

function allows({ sources }: Directive, keyword: string): boolean {
  return sources.some((source) => source.toLowerCase() === keyword);
}

function allowsInline(sources: readonly string[]): boolean {
  return (
    sources.some((each) => UNSAFE_INLINE.test(each)) && !sources.some((each) => NONCE_OR_HASH.test(each))
  );
}

function parse(text: string): Directive {
  const [name = '', ...sources] = text.trim().split(/[\t\n\f\r ]+/);
  return { name: name.toLowerCase(), text, sources };
}
