/** Header rules: their notation, their limits, and when two of them are equal (docs/cluster.md §3). */
import { compilePattern } from './pattern.js';
import { RuleError } from './rule-error.js';

/** Matches a header whose whole value equals `value`, or matches `pattern` as a whole. */
export type HeaderRule =
  | { readonly name: string; readonly value: string }
  | { readonly name: string; readonly pattern: string };

export const MAX_RULES = 8;
const MAX_NAME_LENGTH = 128;
const MAX_VALUE_LENGTH = 1024;

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** Visible ASCII with inner spaces and tabs: what a header value can hold without being trimmed. */
const VALUE = /^[\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?$/;

/** Headers that frame or route a message, or change on every hop: a rule on one would not work as written. */
const NOT_MATCHED: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** Throws RuleError unless `rules` can be matched. Returns them with their names in lower case. */
export function checkRules(rules: readonly HeaderRule[]): HeaderRule[] {
  if (rules.length > MAX_RULES)
    throw new RuleError(`an intercept can have at most ${MAX_RULES} header rules`);
  const checked = rules.map(checkRule);
  checked.forEach((rule, i) => {
    if (checked.slice(0, i).some((other) => isSameRule(other, rule)))
      throw new RuleError(`the rule ${showRule(rule)} is given twice`);
  });
  return checked;
}

/**
 * Reads `NAME=VALUE` of a command line. A value with a special character of regular expressions, other than the dot and the
 * hyphen, is a pattern, as Telepresence's users expect; `auto` is not a rule: null.
 */
export function parseHeaderFlag(text: string): HeaderRule | null {
  if (text === 'auto') return null;
  const at = text.indexOf('=');
  if (at < 1) throw new RuleError(`"${shown(text)}" is not NAME=VALUE`);
  const name = text.slice(0, at);
  const value = text.slice(at + 1);
  const [rule] = checkRules([/[\\^$*+?()[\]{}|]/.test(value) ? { name, pattern: value } : { name, value }]);
  return rule;
}

/** Reports whether both rules match the same requests, judging by their text. */
export function isSameRule(a: HeaderRule, b: HeaderRule): boolean {
  if (a.name.toLowerCase() !== b.name.toLowerCase()) return false;
  return 'value' in a ? 'value' in b && a.value === b.value : 'pattern' in b && a.pattern === b.pattern;
}

/** Like `isSameRule`, for whole sets in any order. */
export function sameRules(a: readonly HeaderRule[], b: readonly HeaderRule[]): boolean {
  return a.length === b.length && a.every((rule) => b.some((other) => isSameRule(rule, other)));
}

/** For people: `x-dev=alice`, or `x-dev=~al.*` for a pattern. */
export function showRule(rule: HeaderRule): string {
  return 'value' in rule ? `${rule.name}=${rule.value}` : `${rule.name}=~${rule.pattern}`;
}

function checkRule(rule: HeaderRule): HeaderRule {
  const name = rule.name.toLowerCase();
  if (name.length > MAX_NAME_LENGTH || !TOKEN.test(name))
    throw new RuleError(`"${shown(rule.name)}" is not a header name`);
  if (NOT_MATCHED.has(name)) throw new RuleError(`${name} cannot be matched: proxies change it`);
  if ('pattern' in rule) {
    compilePattern(rule.pattern);
    return { name, pattern: rule.pattern };
  }
  if (rule.value.length > MAX_VALUE_LENGTH || !VALUE.test(rule.value)) {
    throw new RuleError(
      `the value of ${name} must be 1 to ${MAX_VALUE_LENGTH} visible characters, without spaces around`,
    );
  }
  return { name, value: rule.value };
}

/** Makes any text safe to print. */
function shown(text: string): string {
  return text.slice(0, 64).replace(/[^\x20-\x7e]/g, '?');
}
