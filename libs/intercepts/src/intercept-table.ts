/**
 * The intercepts that an agent looks for, and the lookup of the one that a request belongs to. It runs for every request of
 * a live application: without a header of a wanted name it creates no string and no object.
 */
import type { HeaderRule } from './header-rule.js';
import { compilePattern } from './pattern.js';
import type { Pattern } from './pattern.js';

/** The header lines of a request. `RequestHead` of libs/http1 is one. */
export interface HeaderLines {
  readonly count: number;
  /** @param lowerCaseName the name in lower case */
  isNamed(i: number, lowerCaseName: string): boolean;
  /** Without surrounding whitespace. */
  value(i: number): string;
}

export interface TableEntry {
  readonly id: string;
  /** Checked by `checkRules`. */
  readonly headers: readonly HeaderRule[];
  /** Values of `x-telepresence-intercept-id` that also select it. */
  readonly acceptedIds: readonly string[];
}

const INTERCEPT_ID = 'x-telepresence-intercept-id';

/** Limit of program steps times characters for matching one request. Beyond it, no further pattern matches. */
const MAX_STEPS = 131_072;

interface CompiledRule {
  readonly name: string;
  readonly value: string | null;
  readonly pattern: Pattern | null;
}

interface CompiledEntry {
  readonly id: string;
  readonly rules: readonly CompiledRule[];
  readonly acceptedIds: readonly string[];
}

export class InterceptTable {
  /** Number of requests whose matching was stopped: too many steps. */
  exhausted = 0;
  private readonly entries: readonly CompiledEntry[];
  private readonly names: readonly string[];
  private stepsLeft = 0;

  /**
   * @param entries the oldest first: of several that match, the one with more rules wins, then the older one.
   * Throws RuleError if a pattern cannot be compiled.
   */
  constructor(entries: readonly TableEntry[]) {
    this.entries = entries
      .map(({ id, headers, acceptedIds }) => ({ id, acceptedIds, rules: headers.map(compileRule) }))
      .toSorted((a, b) => b.rules.length - a.rules.length);
    const names = new Set(entries.flatMap(({ headers }) => headers.map(({ name }) => name.toLowerCase())));
    this.names = entries.length === 0 ? [] : [INTERCEPT_ID, ...names];
  }

  get isEmpty(): boolean {
    return this.entries.length === 0;
  }

  /** Returns the id of the intercept that `lines` belong to, or null. */
  find(lines: HeaderLines): string | null {
    if (!this.isConcerned(lines)) return null;
    this.stepsLeft = MAX_STEPS;
    let found: string | null = null;
    for (const entry of this.entries) {
      if (this.carriesId(lines, entry) || (entry.rules.length > 0 && this.satisfies(lines, entry))) {
        found = entry.id;
        break;
      }
    }
    if (this.stepsLeft < 0) this.exhausted++;
    return found;
  }

  private isConcerned(lines: HeaderLines): boolean {
    const { names } = this;
    if (names.length === 0) return false;
    for (let i = 0; i < lines.count; i++) {
      for (const name of names) if (lines.isNamed(i, name)) return true;
    }
    return false;
  }

  private carriesId(lines: HeaderLines, { acceptedIds }: CompiledEntry): boolean {
    for (let i = 0; i < lines.count; i++) {
      if (lines.isNamed(i, INTERCEPT_ID) && acceptedIds.includes(lines.value(i))) return true;
    }
    return false;
  }

  private satisfies(lines: HeaderLines, { rules }: CompiledEntry): boolean {
    for (const rule of rules) if (!this.holds(lines, rule)) return false;
    return true;
  }

  private holds(lines: HeaderLines, rule: CompiledRule): boolean {
    for (let i = 0; i < lines.count; i++) {
      if (lines.isNamed(i, rule.name) && this.fits(lines.value(i), rule)) return true;
    }
    return false;
  }

  private fits(value: string, { value: wanted, pattern }: CompiledRule): boolean {
    if (pattern === null) return value === wanted;
    this.stepsLeft -= pattern.size * value.length;
    return this.stepsLeft >= 0 && pattern.matches(value);
  }
}

function compileRule(rule: HeaderRule): CompiledRule {
  const name = rule.name.toLowerCase();
  if ('value' in rule) return { name, value: rule.value, pattern: null };
  return { name, value: null, pattern: compilePattern(rule.pattern) };
}
