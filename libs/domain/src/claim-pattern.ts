/** Wildcards of a pattern. The longer one is first. */
const WILDCARDS = /(\*\*|\*)/;
/** Separators of claims: paths use `/`, and subjects of tokens `:`. `*` stops at both. */
const SEPARATORS: ReadonlySet<string | undefined> = new Set(['/', ':']);
/** Longer claims match no pattern with a wildcard. The claims of platforms that name things are much shorter. */
export const MAX_MATCHED_CLAIM_LENGTH = 1024;

/**
 * Reports whether a claim has a value: the pattern itself, where `*` matches any number of characters except `/` and
 * `:`, and `**` any number of any characters. Case matters. A claim of more than `MAX_MATCHED_CLAIM_LENGTH` characters
 * matches no pattern with a wildcard. Compares the text after each wildcard once with each place of the claim, whatever
 * the pattern, and the contract limits the wildcards of a rule: patterns and claims can come from strangers.
 */
export function matchesClaim(pattern: string, claim: string): boolean {
  if (isExactPattern(pattern)) return pattern === claim;
  if (claim.length > MAX_MATCHED_CLAIM_LENGTH) return false;
  // Text and wildcards in turn, beginning and ending with text.
  const [first = '', ...parts] = pattern.split(WILDCARDS);
  if (!claim.startsWith(first)) return false;
  let ends: ReadonlySet<number> = new Set([first.length]);
  for (let i = 0; i + 1 < parts.length && ends.size > 0; i += 2)
    ends = endsAfter(ends, claim, { isAny: parts[i] === '**', text: parts[i + 1] ?? '' });
  return ends.has(claim.length);
}

/** Reports whether a pattern matches only itself. */
export function isExactPattern(pattern: string): boolean {
  return !pattern.includes('*');
}

/** Returns the places of a claim where a wildcard and the text after it can end, if they begin at one of `starts`. */
function endsAfter(
  starts: ReadonlySet<number>,
  claim: string,
  { isAny, text }: { readonly isAny: boolean; readonly text: string },
): ReadonlySet<number> {
  const ends = new Set<number>();
  let isWithin = false;
  for (let i = 0; i + text.length <= claim.length; i++) {
    // The wildcard begins here, or continues over the character before.
    isWithin = starts.has(i) || (isWithin && (isAny || !SEPARATORS.has(claim[i - 1])));
    if (isWithin && claim.startsWith(text, i)) ends.add(i + text.length);
  }
  return ends;
}
