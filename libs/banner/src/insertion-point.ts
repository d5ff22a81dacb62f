/**
 * Finds where a page's body begins, in bytes that come in any pieces: behind `<body …>`, or before the first thing that
 * makes a browser begin a body by itself. Follows the tokenizer of the HTML standard (§13.2.5) as far as needed, so that
 * comments, doctypes, attributes, elements with text content and templates cannot fake a body.
 *
 * The encoding must contain ASCII; in the supported multi-byte encodings no second byte has the value of a relevant
 * character.
 */

/** State of the search: names of elements that a head may hold, by their effect on what follows. */
const HEAD_ELEMENTS = new Set(['html', 'head', 'base', 'basefont', 'bgsound', 'link', 'meta']);
const RAW_ELEMENTS = new Set(['title', 'style', 'script', 'noscript', 'noframes']);
/** Raw only where a body cannot begin: inside a template. */
const RAW_IN_TEMPLATE = new Set([...RAW_ELEMENTS, 'textarea', 'xmp', 'iframe', 'noembed']);
/** End tags that make a browser begin a body. */
const CLOSING_BODY = new Set(['body', 'html', 'br']);

/** Longer names are none of the above. */
const MAX_NAME_LENGTH = 10;

const LT = 0x3c;
const GT = 0x3e;
const SLASH = 0x2f;
const BANG = 0x21;
const QUESTION = 0x3f;
const DASH = 0x2d;
const EQUALS = 0x3d;
const DOUBLE_QUOTE = 0x22;
const SINGLE_QUOTE = 0x27;

/** The construct that the next byte belongs to. */
type State =
  | 'text'
  | 'attribute gap'
  | 'attribute name'
  | 'after attribute name'
  | 'before value'
  | 'quoted value'
  | 'bare value'
  | 'markup'
  | 'bogus comment'
  | 'comment'
  | 'raw';

export class InsertionPoint {
  /** Whether the search is over: the point was found, or the page has none. */
  isOver = false;
  /** Bytes at the end of the last piece that may belong behind the point: pass them again, before the next piece. */
  heldBytes = 0;

  private state: State = 'text';
  private quote = 0;
  /** Action at the end of the current tag. */
  private afterTag: 'text' | 'raw' | 'body' = 'text';
  private templateDepth = 0;
  private isFirst = true;

  /** The element whose text is being skipped. */
  private rawName = '';
  /** State within a script: 0 plain, 1 within `<!--`, 2 within `<script` in that (§13.2.5.15 and following). */
  private escapeLevel: 0 | 1 | 2 = 0;
  /** The relevant last bytes of a comment or raw text. */
  private tail = '';

  /** Returns the offset of the point in chunk[start..end), or -1 if it comes later, or not at all. */
  scan(chunk: Buffer, start: number, end: number): number {
    this.heldBytes = 0;
    let i = start;
    if (this.isFirst && i < end) {
      if (end - i < 2) return this.hold(end - i);
      if (isForeign(chunk, i)) {
        this.isOver = true;
        return -1;
      }
      if (chunk[i] === UTF8_MARK[0]) {
        if (end - i < UTF8_MARK.length) return this.hold(end - i);
        if (UTF8_MARK.every((byte, at) => chunk[i + at] === byte)) i += UTF8_MARK.length;
      }
      this.isFirst = false;
    }
    while (i < end) {
      if (this.state === 'text') {
        i = this.passText(chunk, i, end);
        if (this.isOver) return i;
        if (i < 0) return -1;
      } else if (this.state === 'raw') {
        i = this.passRaw(chunk, i, end);
      } else {
        this.passMarkup(chunk[i++]);
        if (this.isOver) return i;
      }
    }
    return -1;
  }

  /** Reports whether the end of a page without such a point can take its place. */
  get isAtEnd(): boolean {
    return (
      !this.isOver &&
      !this.isFirst &&
      this.state === 'text' &&
      this.templateDepth === 0 &&
      this.heldBytes === 0
    );
  }

  /** Skips from a byte of text to behind the name of the next tag. Returns -1 if the rest must be held. */
  private passText(chunk: Buffer, from: number, end: number): number {
    let i = from;
    while (i < end && chunk[i] !== LT) {
      if (this.templateDepth === 0 && !isSpace(chunk[i])) return this.found(i);
      i++;
    }
    if (i === end) return end;
    const tag = i++;
    if (i === end) return this.hold(end - tag);
    const isEnd = chunk[i] === SLASH;
    if (isEnd && ++i === end) return this.hold(end - tag);
    if (!isLetter(chunk[i])) return this.passOddTag(chunk, tag, i, isEnd);
    const nameStart = i;
    while (i < end && !isSpace(chunk[i]) && chunk[i] !== SLASH && chunk[i] !== GT) {
      if (++i - nameStart > MAX_NAME_LENGTH) break;
    }
    if (i === end && i - nameStart <= MAX_NAME_LENGTH) return this.hold(end - tag);
    const name = chunk.toString('latin1', nameStart, i).toLowerCase();
    this.state = i - nameStart > MAX_NAME_LENGTH ? 'attribute name' : 'attribute gap';
    this.afterTag = 'text';
    if (isEnd) return this.endTag(name) ? this.found(tag) : i;
    return this.startTag(name) ? this.found(tag) : this.isOver ? -1 : i;
  }

  /** Handles `<` that no name follows. */
  private passOddTag(chunk: Buffer, tag: number, i: number, isEnd: boolean): number {
    if (isEnd) {
      // `</>` is ignored; anything else begins a comment.
      this.state = chunk[i] === GT ? 'text' : 'bogus comment';
      return i + 1;
    }
    if (chunk[i] === BANG) {
      this.state = 'markup';
      this.tail = '';
      return i + 1;
    }
    if (chunk[i] === QUESTION) {
      this.state = 'bogus comment';
      return i + 1;
    }
    return this.templateDepth === 0 ? this.found(tag) : i;
  }

  /** Reports whether the body begins before this tag. */
  private startTag(name: string): boolean {
    if (this.templateDepth > 0) {
      if (name === 'template') this.templateDepth++;
      if (RAW_IN_TEMPLATE.has(name)) this.beginRaw(name);
      return false;
    }
    if (name === 'body') {
      this.afterTag = 'body';
      return false;
    }
    if (name === 'frameset') {
      // A page of frames has no body.
      this.isOver = true;
      return false;
    }
    if (name === 'template') this.templateDepth = 1;
    else if (RAW_ELEMENTS.has(name)) this.beginRaw(name);
    else return !HEAD_ELEMENTS.has(name);
    return false;
  }

  private endTag(name: string): boolean {
    if (this.templateDepth === 0) return CLOSING_BODY.has(name);
    if (name === 'template') this.templateDepth--;
    return false;
  }

  private beginRaw(name: string): void {
    this.afterTag = 'raw';
    this.rawName = name;
    this.escapeLevel = 0;
    this.tail = '';
  }

  /** Handles one byte of a tag behind its name, of a comment, or of what may become one. */
  private passMarkup(byte: number): void {
    switch (this.state) {
      case 'attribute gap':
        if (byte === GT) this.closeTag();
        else if (!isSpace(byte) && byte !== SLASH) this.state = 'attribute name';
        return;
      case 'attribute name':
      case 'after attribute name':
        if (byte === GT) this.closeTag();
        else if (byte === EQUALS) this.state = 'before value';
        else if (byte === SLASH) this.state = 'attribute gap';
        else this.state = isSpace(byte) ? 'after attribute name' : 'attribute name';
        return;
      case 'before value':
        if (byte === GT) this.closeTag();
        else if (byte === DOUBLE_QUOTE || byte === SINGLE_QUOTE) {
          this.quote = byte;
          this.state = 'quoted value';
        } else if (!isSpace(byte)) this.state = 'bare value';
        return;
      case 'quoted value':
        if (byte === this.quote) this.state = 'attribute gap';
        return;
      case 'bare value':
        if (byte === GT) this.closeTag();
        else if (isSpace(byte)) this.state = 'attribute gap';
        return;
      case 'markup':
        // `<!` begins a comment when `--` follows.
        if (byte === DASH && this.tail === '') this.tail = '-';
        else if (byte === DASH) this.state = 'comment';
        else this.state = byte === GT ? 'text' : 'bogus comment';
        // `<!-->` and `<!--->` are comments too (§13.2.5.43): their opening dashes may close them.
        if (this.state === 'comment') this.tail = '!--';
        return;
      case 'bogus comment':
        if (byte === GT) this.state = 'text';
        return;
      case 'comment':
        if (byte === GT && CLOSING_COMMENT.has(this.tail)) this.state = 'text';
        else this.tail = commentTail(this.tail, byte);
        return;
      case 'text':
      case 'raw':
        throw new Error('text is not markup');
      default:
        throw new Error(`unhandled state ${String(this.state satisfies never)}`);
    }
  }

  private closeTag(): void {
    if (this.afterTag === 'body') this.isOver = true;
    this.state = this.afterTag === 'raw' ? 'raw' : 'text';
  }

  /** Handles text of an element that ends only with its own end tag. */
  private passRaw(chunk: Buffer, from: number, end: number): number {
    let i = from;
    while (i < end) {
      const byte = chunk[i];
      const { tail } = this;
      if (tail === '' && byte !== LT && !(byte === DASH && this.escapeLevel > 0)) {
        i++;
        continue;
      }
      i++;
      const isEndOfName = isSpace(byte) || byte === SLASH || byte === GT;
      if (isEndOfName && tail === `</${this.rawName}` && this.escapeLevel < 2) {
        this.state = 'attribute gap';
        this.afterTag = 'text';
        // The byte that ended the name may end the tag.
        return i - 1;
      }
      if (this.rawName === 'script') this.followScript(tail, byte, isEndOfName);
      this.tail = rawTail(tail, byte);
    }
    return end;
  }

  /** Applies the special rules by which `<!--` and `<script` in a script hide its end. */
  private followScript(tail: string, byte: number, isEndOfName: boolean): void {
    if (this.escapeLevel === 0) {
      if (tail === '<!-' && byte === DASH) this.escapeLevel = 1;
    } else if (byte === GT && tail.endsWith('--')) {
      this.escapeLevel = 0;
    } else if (isEndOfName && tail === '<script' && this.escapeLevel === 1) {
      this.escapeLevel = 2;
    } else if (isEndOfName && tail === '</script' && this.escapeLevel === 2) {
      this.escapeLevel = 1;
    }
  }

  private found(at: number): number {
    this.isOver = true;
    return at;
  }

  private hold(bytes: number): -1 {
    this.heldBytes = bytes;
    return -1;
  }
}

/** States of the end of a comment in which `>` completes it. `!--` is its beginning, and `!-` that and one more dash. */
const CLOSING_COMMENT = new Set(['--', '--!', '!--', '!-']);

function commentTail(tail: string, byte: number): string {
  if (byte === DASH && tail === '!--') return '!-';
  if (byte === DASH) return tail.endsWith('-') ? '--' : '-';
  return byte === BANG && tail === '--' ? '--!' : '';
}

/** Returns the end of raw text so far, as far as it may become `<!--`, `-->`, `<script` or an end tag. */
function rawTail(tail: string, byte: number): string {
  if (byte === LT) return '<';
  if (byte === DASH) return tail === '<!' ? '<!-' : tail.endsWith('-') ? '--' : '-';
  if (tail === '<' && (byte === SLASH || byte === BANG)) return tail + String.fromCharCode(byte);
  if (tail.startsWith('<') && !tail.startsWith('<!') && isLetter(byte) && tail.length <= MAX_NAME_LENGTH) {
    return tail + String.fromCharCode(byte | 0x20);
  }
  return '';
}

/** The byte order mark, which is not text. */
const UTF8_MARK = [0xef, 0xbb, 0xbf];

/** Reports whether the page begins like UTF-16, which this parser cannot read. */
function isForeign(chunk: Buffer, start: number): boolean {
  const byte = chunk[start];
  return byte === 0xfe || byte === 0xff || byte === 0 || chunk[start + 1] === 0;
}

function isLetter(byte: number): boolean {
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x7a;
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09 || byte === 0x0c;
}
