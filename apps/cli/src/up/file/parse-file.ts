/** Parses `culvert.yaml` and names the line of everything that is wrong with it. */
import {
  type Document,
  isMap,
  isNode,
  isScalar,
  LineCounter,
  type Node,
  parseDocument,
  Scalar,
  visit,
} from 'yaml';
import type { z } from 'zod';
import { CliError } from '../../cli-error.js';
import { EXIT } from '../../exit-code.js';
import { closest } from '../../find/closest.js';
import { interpolate, InterpolationError } from './interpolate.js';
import { FIELDS, type FileContent, upFile } from './schema.js';
import { literalSecrets } from './secrets.js';
import { SMALLEST_FILE } from './smallest-file.js';

/** Limit of a file, in bytes. */
export const MAX_FILE_BYTES = 256 * 1024;
/** Limit of problems that one error names. */
const MAX_PROBLEMS = 20;

/** A mistake in a file, at a position that counts from 1. */
export interface FileProblem {
  readonly line: number;
  readonly column: number;
  /** What is wrong, beginning with the field. */
  readonly message: string;
}

/** A file that cannot be used. The message has the first problem. */
export class FileError extends CliError {
  constructor(
    file: string,
    readonly problems: readonly FileProblem[],
  ) {
    const [first = { line: 1, column: 1, message: 'cannot be read' }] = problems;
    super(EXIT.usage, showProblem(file, first), {
      hint: `A small file that works: ${SMALLEST_FILE}`,
    });
  }
}

/** `culvert.yaml:3:7: endpoints.web.target: 99999 is not a port` */
export function showProblem(file: string, { line, column, message }: FileProblem): string {
  return `${file}:${line}:${column}: ${message}`;
}

export interface ParsedFile {
  readonly content: FileContent;
  /** Fields whose secret stands in the file itself. */
  readonly secrets: readonly FileProblem[];
}

/**
 * @param file name for messages
 * @throws FileError
 */
export function parseFile(text: string, file: string, env: NodeJS.ProcessEnv): ParsedFile {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, merge: true });
  const at = (offset: number, message: string): FileProblem => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1), message };
  };
  const refuse = (problems: readonly FileProblem[]): void => {
    if (problems.length > 0) throw new FileError(file, problems.slice(0, MAX_PROBLEMS));
  };
  refuse(document.errors.map(({ message, pos }) => at(pos[0], message)));
  const secrets = literalSecrets(document).map(({ node, field }) => at(startOf(node), field));
  refuse(replaceVariables(document, env).map(({ node, message }) => at(startOf(node), message)));
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    throw new FileError(file, [at(0, (error as Error).message)]);
  }
  const parsed = upFile.safeParse(value);
  if (parsed.success) return { content: parsed.data, secrets };
  const problems = parsed.error.issues
    .flatMap((issue) => problemsOf(issue))
    .map(({ path, message, isAboutKey }) => {
      const field = path.join('.');
      return at(
        offsetOf(document, path, isAboutKey),
        field === '' ? `the file ${message}` : `${field}: ${message}`,
      );
    })
    .toSorted((a, b) => a.line - b.line || a.column - b.column);
  throw new FileError(file, problems.slice(0, MAX_PROBLEMS));
}

function replaceVariables(document: Document, env: NodeJS.ProcessEnv): { node: Node; message: string }[] {
  const problems: { node: Node; message: string }[] = [];
  visit(document, {
    Scalar: (key, node) => {
      const { value } = node;
      if (key === 'key' || typeof value !== 'string' || !value.includes('$')) return;
      try {
        const replaced = interpolate(value, env);
        node.value = node.type === Scalar.PLAIN && replaced !== value ? plainValue(replaced) : replaced;
      } catch (error) {
        if (!(error instanceof InterpolationError)) throw error;
        problems.push({ node, message: error.message });
      }
    },
  });
  return problems;
}

/** Returns the value of a text without quotes, as YAML reads it. */
function plainValue(text: string): string | boolean {
  return text === 'true' ? true : text === 'false' ? false : text;
}

interface Issue {
  readonly path: readonly PropertyKey[];
  readonly message: string;
  /** Whether the name of the field is wrong, not its value. */
  readonly isAboutKey?: boolean;
}

/** Returns what an issue of zod means for people: of several forms of a value, the one that was probably meant. */
function problemsOf(issue: z.core.$ZodIssue, before: readonly PropertyKey[] = []): Issue[] {
  const path = [...before, ...issue.path];
  if (issue.code === 'invalid_union') {
    const inner = issue.errors.find((errors) =>
      errors.some(({ path: at, code }) => at.length > 0 || code === 'unrecognized_keys'),
    );
    if (inner !== undefined) return inner.flatMap((each) => problemsOf(each, path));
  }
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => ({
      path: [...path, key],
      message: `is not a field${suggestionOf(key, path)}`,
      isAboutKey: true,
    }));
  if (issue.code === 'invalid_key')
    return issue.issues.map(({ message }) => ({ path, message: wordingOf(message), isAboutKey: true }));
  return [{ path, message: wordingOf(issue.message) }];
}

/** Suggests the field that was probably meant, of the file, an endpoint or a path. */
function suggestionOf(key: string, { length }: readonly PropertyKey[]): string {
  const fields = length === 0 ? FIELDS.file : length <= 2 ? FIELDS.endpoint : FIELDS.path;
  const meant = closest(key, fields);
  return meant === null ? '' : ` (did you mean ${meant}?)`;
}

/** Types as people call them. */
const KINDS: Readonly<Record<string, string>> = {
  object: 'a list of fields',
  record: 'a list of fields',
  array: 'a list',
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  null: 'empty',
};

function kindOf(type: string): string {
  return KINDS[type] ?? type;
}

/** Messages of zod itself, as the rest of a sentence. */
function wordingOf(message: string): string {
  return message
    .replace(
      /^Invalid input: expected (\w+), received undefined$/,
      (_, wanted: string) => `is missing (must be ${kindOf(wanted)})`,
    )
    .replace(/^Invalid input: expected (\w+), received (\w+)$/, (_, wanted: string, given: string) =>
      given === 'null'
        ? `is empty (must be ${kindOf(wanted)})`
        : `must be ${kindOf(wanted)}, not ${kindOf(given)}`,
    )
    .replace(/^Too small: expected .* to have (>=?)\s*(\d+) .*$/, 'is too short')
    .replace(/^Too big: expected .*$/, 'is too long');
}

/** Returns where a field begins: its key, or what is nearest above it. */
function offsetOf(document: Document, path: readonly PropertyKey[], isAboutKey = false): number {
  let node: unknown = document.contents;
  let offset = isNode(node) ? startOf(node) : 0;
  for (const [index, part] of path.entries()) {
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => (isScalar(key) ? String(key.value) : key) === String(part));
      if (pair === undefined) return offset;
      if (isNode(pair.key)) offset = startOf(pair.key);
      node = pair.value;
    } else {
      const item: unknown = (node as { get?: (key: unknown, keep: true) => unknown } | null)?.get?.(
        part,
        true,
      );
      if (!isNode(item)) return offset;
      offset = startOf(item);
      node = item;
    }
    if (isScalar(node) && !(isAboutKey && index === path.length - 1)) offset = startOf(node);
  }
  return offset;
}

function startOf(node: Node): number {
  return node.range?.[0] ?? 0;
}
