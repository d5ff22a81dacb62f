import { COMMA, HTAB, SP, TOKEN_LOWER, equalsIgnoringCase } from './characters.js';
import { HttpSyntaxError } from './errors.js';

/** Limit of options that one head may nominate: each is compared with every field of the head. */
const MAX_OPTIONS = 32;

// Fields that the relay always writes itself. A nomination must not remove what frames or routes a message.
const NOT_REMOVABLE: ReadonlySet<string> = new Set(['te', 'transfer-encoding', 'content-length', 'host']);

const NONE: readonly string[] = Object.freeze([]);

const NOT_TOKEN = /[^!#$%&'*+\-.^_`|~0-9a-z]+/;

/** The parsed `Connection` fields of one head (RFC 9110 §7.6.1). */
export class ConnectionOptions {
  closes = false;
  keepsAlive = false;
  upgrades = false;
  /** Lower-case names of fields to remove; the same frozen array whenever there are none. */
  names: readonly string[] = NONE;
  /** Whether an element is not a token, as in `Keep-Alive; timeout=5`. */
  isOdd = false;
  /** Lower-case tokens within such elements: another parser may take them for options. */
  oddNames: readonly string[] = NONE;
  private count = 0;

  /**
   * Adds the value `text[from..to)`: a list of tokens, whose empty elements are skipped (RFC 9110 §5.6.1.2). Elements that
   * are not tokens are not options: they are ignored, except for `oddNames`.
   */
  add(text: string, from: number, to: number): void {
    if (equalsIgnoringCase(text, from, to, 'keep-alive')) {
      this.addOption('keep-alive');
      return;
    }
    let position = from;
    while (position < to) {
      const code = text.charCodeAt(position);
      if (code === COMMA || code === SP || code === HTAB) {
        position++;
        continue;
      }
      const start = position;
      while (position < to && TOKEN_LOWER[text.charCodeAt(position)] !== 0) position++;
      if (position > start && isElementEnd(text, position, to)) {
        this.addOption(text.slice(start, position).toLowerCase());
        continue;
      }
      position = elementEnd(text, start, to);
      this.addOdd(text.slice(start, position).toLowerCase());
    }
  }

  private addOdd(element: string): void {
    const names = element.split(NOT_TOKEN).filter((name) => name !== '');
    this.isOdd = true;
    this.count += names.length + 1;
    if (this.count > MAX_OPTIONS) throw new HttpSyntaxError('BAD_CONNECTION');
    this.oddNames = [...this.oddNames, ...names];
  }

  private addOption(option: string): void {
    if (++this.count > MAX_OPTIONS) throw new HttpSyntaxError('BAD_CONNECTION');
    switch (option) {
      case 'close':
        this.closes = true;
        break;
      case 'keep-alive':
        this.keepsAlive = true;
        break;
      case 'upgrade':
        this.upgrades = true;
        break;
      default:
        if (NOT_REMOVABLE.has(option) || this.names.includes(option)) return;
        this.names = [...this.names, option];
    }
  }
}

/** Shared value for heads without `Connection`. */
export const NO_CONNECTION_OPTIONS: Readonly<ConnectionOptions> = Object.freeze(new ConnectionOptions());

/** Returns where the element that begins at `start` ends: at the next comma or `to`. */
function elementEnd(text: string, start: number, to: number): number {
  const comma = text.indexOf(',', start);
  return comma === -1 || comma > to ? to : comma;
}

/** Reports whether only whitespace lies between `position` and the next comma or `to`. */
function isElementEnd(text: string, position: number, to: number): boolean {
  let next = position;
  while (next < to && (text.charCodeAt(next) === SP || text.charCodeAt(next) === HTAB)) next++;
  return next === to || text.charCodeAt(next) === COMMA;
}
