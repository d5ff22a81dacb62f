import type { Writable } from 'node:stream';
import { plainJson, plainText } from './plain-text.js';
import { tableLines } from './table.js';

export const OUTPUT_FORMATS = ['text', 'json'] as const;
export type OutputFormat = (typeof OUTPUT_FORMATS)[number];

/** Of output that nobody has read yet: more would only fill memory. */
const MAX_UNREAD_BYTES = 1024 * 1024;

const BOLD = ['\u001b[1m', '\u001b[22m'] as const;

interface Terminal extends Writable {
  readonly isTTY?: boolean;
  /** Characters in a line of the terminal. */
  readonly columns?: number;
}

export interface OutputOptions {
  readonly format: OutputFormat;
  readonly stdout: Terminal;
  readonly stderr: Terminal;
  readonly env: NodeJS.ProcessEnv;
}

/**
 * The only way to the terminal. Results go to stdout, all that is said beside them to stderr. Whatever text it is given
 * cannot steer a terminal: each method takes one line, or cells of one.
 */
export class Output {
  readonly format: OutputFormat;
  /** Whether stdout is a terminal that may be sent colors. */
  readonly hasColor: boolean;

  constructor(private readonly options: OutputOptions) {
    this.format = options.format;
    const { NO_COLOR: noColor, TERM: term } = options.env;
    this.hasColor = options.stdout.isTTY === true && !noColor && term !== 'dumb';
  }

  get isJson(): boolean {
    return this.format === 'json';
  }

  /** Whether a person reads stdout. */
  get isTerminal(): boolean {
    return this.options.stdout.isTTY === true;
  }

  /** Whether whoever reads stdout is far behind: what can be left out should be. */
  get isBehind(): boolean {
    return this.options.stdout.writableLength > MAX_UNREAD_BYTES;
  }

  /** Whether a person watches stderr, so that progress is worth showing. */
  get isWatched(): boolean {
    return this.options.stderr.isTTY === true;
  }

  /** The result of a command: the value as JSON, or else what `show` prints. Once for each run. */
  result(value: unknown, show: () => void): void {
    if (this.isJson) this.options.stdout.write(`${plainJson(value)}\n`);
    else show();
  }

  /** One value of a sequence that goes on, such as a log: JSON on one line, or else what `show` prints. */
  event(value: unknown, show: () => void): void {
    if (this.isJson) this.options.stdout.write(`${plainJson(value).replace(/\n */g, '')}\n`);
    else show();
  }

  /** Prints a line of a result. */
  line(text: string): void {
    this.options.stdout.write(`${plainText(text)}\n`);
  }

  /** Prints a value and what it is, with a tab between, for programs that read lines. */
  pair(value: string, description: string): void {
    this.options.stdout.write(`${plainText(value)}\t${plainText(description)}\n`);
  }

  /**
   * Prints a result as a table, or, on a terminal that is too narrow for it, each row as fields below each other. `empty`
   * goes to stderr when there are no rows.
   */
  table(header: readonly string[], rows: readonly (readonly string[])[], empty: string): void {
    if (rows.length === 0) {
      this.note(empty);
      return;
    }
    const { stdout } = this.options;
    const table = tableLines(header, rows, (stdout.isTTY === true && stdout.columns) || Infinity);
    if (table === null) {
      for (const [i, row] of rows.entries()) {
        if (i > 0) this.line('');
        this.fields(header.map((name, column) => [name, row[column] ?? '']));
      }
      return;
    }
    const [head = '', ...lines] = table;
    const [on, off] = this.hasColor ? BOLD : ['', ''];
    this.options.stdout.write([`${on}${head}${off}`, ...lines, ''].join('\n'));
  }

  /** Prints what a single thing is: names and values below each other. Null and empty values are left out. */
  fields(fields: readonly (readonly [name: string, value: string | null])[]): void {
    const shown = fields.filter(([, value]) => value !== null && value !== '');
    const width = Math.max(...shown.map(([name]) => name.length));
    const [on, off] = this.hasColor ? BOLD : ['', ''];
    for (const [name, value] of shown)
      this.options.stdout.write(`${on}${name.padEnd(width)}${off}  ${plainText(value ?? '')}\n`);
  }

  /** Prints what is made of other characters than text: a QR code, a script. Never anything that others wrote. */
  verbatim(text: string): void {
    this.options.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
  }

  /** Says something beside the result. */
  note(text: string): void {
    this.options.stderr.write(`${plainText(text)}\n`);
  }

  /** Says why a command fails, and what to do. */
  error(message: string, hint?: string): void {
    this.note(`culvert: ${message}`);
    if (hint !== undefined) this.note(`  ${hint}`);
  }
}
