import { plainJson, plainLines, plainText } from '@culvert/client';
import type { Writable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { tableLines } from './table.js';

export const OUTPUT_FORMATS = ['text', 'json', 'yaml'] as const;
export type OutputFormat = (typeof OUTPUT_FORMATS)[number];

/** Limit of unread output: more would only fill memory. */
const MAX_UNREAD_BYTES = 1024 * 1024;

const BOLD = ['\u001b[1m', '\u001b[22m'] as const;

interface Terminal extends Writable {
  readonly isTTY?: boolean;
  /** Width of the terminal in characters. */
  readonly columns?: number;
}

export interface OutputOptions {
  readonly format: OutputFormat;
  readonly stdout: Terminal;
  readonly stderr: Terminal;
  readonly env: NodeJS.ProcessEnv;
  /** Spells a value as YAML; needed for that format. */
  readonly toYaml?: (value: unknown) => string;
}

/**
 * The only way to the terminal. Results go to stdout, notes to stderr. No text can control the terminal: each method takes
 * one line, or cells of one.
 */
export class Output {
  readonly format: OutputFormat;
  /** Whether stdout is a terminal that accepts colors. */
  readonly hasColor: boolean;
  /** Whether stderr is. */
  readonly hasColorForNotes: boolean;
  /** Keeps a character whose end is in the next part. */
  private readonly decoder = new StringDecoder('utf8');

  constructor(private readonly options: OutputOptions) {
    this.format = options.format;
    const { NO_COLOR: noColor, TERM: term } = options.env;
    const wantsColor = !noColor && term !== 'dumb';
    this.hasColor = options.stdout.isTTY === true && wantsColor;
    this.hasColorForNotes = options.stderr.isTTY === true && wantsColor;
  }

  /** Whether programs read the result, as JSON or YAML, so that nothing but values may be printed on stdout. */
  get isForPrograms(): boolean {
    return this.format !== 'text';
  }

  /** Whether a person reads stdout. */
  get isTerminal(): boolean {
    return this.options.stdout.isTTY === true;
  }

  /** Whether the reader of stdout is far behind, so that optional output should be left out. */
  get isBehind(): boolean {
    return this.options.stdout.writableLength > MAX_UNREAD_BYTES;
  }

  /** Whether a person watches stderr, so that progress is worth showing. */
  get isWatched(): boolean {
    return this.options.stderr.isTTY === true;
  }

  /** Prints the result of a command: the value as JSON or YAML, or else what `show` prints. Called once per run. */
  result(value: unknown, show: () => void): void {
    if (this.format === 'json') this.options.stdout.write(`${plainJson(value)}\n`);
    else if (this.format === 'yaml') this.options.stdout.write(this.yaml(value));
    else show();
  }

  /** Prints one value of a sequence, such as a log: JSON on one line, a YAML document, or else what `show` prints. */
  event(value: unknown, show: () => void): void {
    if (this.format === 'json') this.options.stdout.write(`${plainJson(value).replace(/\n */g, '')}\n`);
    else if (this.format === 'yaml') this.options.stdout.write(`---\n${this.yaml(value)}`);
    else show();
  }

  /** Prints a line of a result. */
  line(text: string): void {
    this.options.stdout.write(`${plainText(text)}\n`);
  }

  /** Prints a value and its description, separated by a tab, for programs that read lines. */
  pair(value: string, description: string): void {
    this.options.stdout.write(`${plainText(value)}\t${plainText(description)}\n`);
  }

  /**
   * Prints a result as a table or, on a terminal that is too narrow, each row as fields below each other. Without rows,
   * `empty` goes to stderr.
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

  /** Prints the fields of a single thing below each other. Null and empty values are left out. */
  fields(fields: readonly (readonly [name: string, value: string | null])[]): void {
    const shown = fields.filter(([, value]) => value !== null && value !== '');
    const width = Math.max(...shown.map(([name]) => name.length));
    const [on, off] = this.hasColor ? BOLD : ['', ''];
    for (const [name, value] of shown)
      this.options.stdout.write(`${on}${name.padEnd(width)}${off}  ${plainText(value ?? '')}\n`);
  }

  /** Prints trusted text as it is: a QR code, a script. Never use it for text from others. */
  verbatim(text: string): void {
    this.options.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
  }

  /** Writes a result that is not ours as it is, for a file or a program. A terminal gets text that cannot control it. */
  bytes(bytes: Uint8Array): void {
    if (!this.isTerminal) this.options.stdout.write(bytes);
    else this.options.stdout.write(plainLines(this.decoder.write(Buffer.from(bytes))));
  }

  /** Prints a note beside the result. */
  note(text: string): void {
    this.options.stderr.write(`${plainText(text)}\n`);
  }

  /** Prints trusted text as it is beside the result, like `verbatim`. */
  verbatimNote(text: string): void {
    this.options.stderr.write(text.endsWith('\n') ? text : `${text}\n`);
  }

  /** Prints why a command failed and what to do. */
  error(message: string, hint?: string): void {
    this.note(`culvert: ${message}`);
    if (hint !== undefined) this.note(`  ${hint}`);
  }

  private yaml(value: unknown): string {
    const { toYaml } = this.options;
    if (toYaml === undefined) throw new TypeError('YAML output needs toYaml');
    return toYaml(value);
  }
}
