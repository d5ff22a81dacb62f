/** Separators of claims: paths use `/`, and subjects of tokens `:`. `*` stops at both. */
const SEPARATORS = new Set(['/', ':']);

/** One step of a pattern: a character, any run of characters without a separator, or any run of characters. */
type Step = { readonly char: string } | 'within' | 'any';

/**
 * Reports whether a claim has a value: the pattern itself, where `*` matches any number of characters except `/` and
 * `:`, and `**` any number of any characters. Case matters. Takes time proportional to the product of both lengths,
 * whatever the pattern: patterns come from one team and claims from another's jobs.
 */
export function matchesClaim(pattern: string, claim: string): boolean {
  // matched[i]: the steps so far match the first i characters of the claim.
  let matched: boolean[] = Array.from({ length: claim.length + 1 }, (_none, i) => i === 0);
  for (const step of stepsOf(pattern)) {
    const next: boolean[] = [];
    for (let i = 0; i <= claim.length; i++) {
      const char = claim[i - 1];
      if (typeof step === 'object') next.push(i > 0 && char === step.char && matched[i - 1]);
      else {
        const mayExtend = i > 0 && (step === 'any' || !SEPARATORS.has(char ?? ''));
        next.push(matched[i] || (mayExtend && next[i - 1]));
      }
    }
    matched = next;
  }
  return matched[claim.length];
}

/** Reports whether a pattern matches only itself. */
export function isExactPattern(pattern: string): boolean {
  return !pattern.includes('*');
}

function stepsOf(pattern: string): Step[] {
  const steps: Step[] = [];
  // Split by UTF-16 units, as the claim is.
  for (let i = 0; i < pattern.length; i++) {
    const char = pattern.charAt(i);
    if (char !== '*') steps.push({ char });
    else if (pattern.charAt(i + 1) === '*') {
      steps.push('any');
      i++;
    } else steps.push('within');
  }
  return steps;
}
