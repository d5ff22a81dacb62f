/**
 * Draws comments, messages and test names from the source files that git knows, for people to judge. The same seed draws the
 * same texts from the same tree.
 *
 *   node infra/lint/prose-sample.mjs --seed 7 --count 40 [--root FOLDER]
 *
 * Prints one text a line, after its file and line.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { parseSync } from 'rolldown/utils';
import { commentText, isForPeople, oneLine } from './prose-text.mjs';

/** Files whose strings are part of a test or of a tool of this repository, not messages of the product. */
const NOT_PRODUCT = /\.spec\.tsx?$|\/spec\/|^test\/|^infra\/|^libs\/testkit\/|\.bench\.|\.config\./;
/** Strings of three words that are read by programs: statements, headers, and rules of style sheets. */
const FOR_PROGRAMS =
  /^(?:\s*(?:SELECT|INSERT|UPDATE|DELETE|WITH|CREATE|ALTER|local|\()\b|[\w-]+: )|[;{]\s*$|\{\s*[\w-]+\s*:[^}]*;/;

/**
 * Returns the texts of a source file.
 * @param {string} file its path, which decides the language and whether strings count as messages
 * @param {string} source
 * @returns {{ comments: ProseText[], messages: ProseText[], tests: ProseText[] }} each in the order of the file; `line` counts from 1
 *
 * @typedef {{ file: string, line: number, text: string }} ProseText
 */
export function readTexts(file, source) {
  const { program, comments } = parseSync(file, source);
  const line = lineCounter(source);
  const texts = { comments: [], messages: [], tests: [] };
  const add = (kind, offset, text) => texts[kind].push({ file, line: line(offset), text: oneLine(text) });
  for (const { offset, value } of joinLines(comments, source)) {
    const text = commentText(value);
    if (isForPeople(text)) add('comments', offset, text);
  }
  readNode(program, { source, isProduct: !NOT_PRODUCT.test(file), suites: [], add });
  return texts;
}

/** Joins line comments that follow each other, each alone in its line. */
function joinLines(comments, source) {
  const joined = [];
  let end;
  for (const { type, start, value, end: commentEnd } of comments) {
    const isNext = end !== undefined && /^\r?\n[ \t]*$/.test(source.slice(end, start));
    if (isNext && type === 'Line' && commentText(value) !== '') joined.at(-1).value += `\n${value}`;
    else joined.push({ offset: start, value });
    const before = source.slice(source.lastIndexOf('\n', start) + 1, start);
    const isAlone = type === 'Line' && before.trim() === '' && commentText(value) !== '';
    end = isAlone ? commentEnd : undefined;
  }
  return joined;
}

/** Returns a function that maps an offset to its line. */
function lineCounter(source) {
  const starts = [0];
  for (let at = source.indexOf('\n'); at !== -1; at = source.indexOf('\n', at + 1)) starts.push(at + 1);
  return (offset) => starts.findLastIndex((start) => start <= offset) + 1;
}

/** Reads the messages and test names below a node of the syntax tree. */
function readNode(node, context) {
  if (Array.isArray(node)) {
    for (const child of node) readNode(child, context);
    return;
  }
  if (node === null || typeof node !== 'object' || typeof node.type !== 'string') return;
  if (SKIPPED.has(node.type)) return;
  const title = node.type === 'CallExpression' ? testTitle(node, context.source) : undefined;
  if (title !== undefined) {
    const names = [...context.suites, title.text];
    if (title.isSuite) readChildren(node, { ...context, suites: names });
    else context.add('tests', node.start, names.join(' > '));
    return;
  }
  const text = context.isProduct ? messageText(node, context.source) : undefined;
  if (text === undefined) {
    readChildren(node, context);
    return;
  }
  if (isForPeople(text.replaceAll(/\$\{[^}]*\}/g, 'value')) && !FOR_PROGRAMS.test(text))
    context.add('messages', node.start, text);
  if (node.type === 'JSXElement' || node.type === 'JSXFragment') readInside(node, context);
}

/** Reads what the text of an element leaves out: attributes, and expressions that are not plain strings. */
function readInside(element, context) {
  readNode(element.openingElement?.attributes ?? [], context);
  for (const child of element.children) {
    if (child.type === 'JSXExpressionContainer') {
      if (messageText(child.expression, context.source) === undefined) readNode(child.expression, context);
    } else if (child.type === 'JSXElement' || child.type === 'JSXFragment') {
      if (messageText(child, context.source) === undefined) readNode(child, context);
      else readInside(child, context);
    }
  }
}

const SKIPPED = new Set([
  'ImportDeclaration',
  'ExportAllDeclaration',
  'TSLiteralType',
  'TaggedTemplateExpression',
]);

function readChildren(node, context) {
  for (const [key, child] of Object.entries(node)) {
    if (key !== 'type' && typeof child === 'object') readNode(child, context);
  }
}

/** Calls that name a suite or a test: `describeOnEveryDatabase` and its like are suites. */
const SUITE = /^describe/;
const TEST = /^(?:it|test)$/;

/** The name that a call gives to a suite or a test, in any form (`it.each(table)(name, …)`); undefined for other calls. */
function testTitle(call, source) {
  const name = calledName(call.callee);
  const [title, ...rest] = call.arguments;
  if (title === undefined || rest.length === 0) return undefined;
  const text = messageText(title, source);
  if (TEST.test(name)) return text === undefined ? undefined : { isSuite: false, text };
  if (!SUITE.test(name)) return undefined;
  return { isSuite: true, text: text ?? source.slice(title.start, title.end).replace(/\.name$/, '') };
}

/** Returns the identifier that a chain of members and calls begins with. */
function calledName(callee) {
  let node = callee;
  while (['MemberExpression', 'CallExpression', 'TaggedTemplateExpression'].includes(node.type))
    node = node.object ?? node.callee ?? node.tag;
  return node.type === 'Identifier' ? node.name : '';
}

/** The text of a string, a template, a sum of both or an element of a page; undefined for other nodes. */
function messageText(node, source) {
  const code = ({ start, end }) => `\${${oneLine(source.slice(start, end))}}`;
  if (node.type === 'Literal') return typeof node.value === 'string' ? node.value : undefined;
  if (node.type === 'TemplateLiteral')
    return node.quasis
      .map(
        ({ value }, index) => value.cooked + (node.expressions[index] ? code(node.expressions[index]) : ''),
      )
      .join('');
  if (node.type === 'BinaryExpression' && node.operator === '+') {
    const [left, right] = [messageText(node.left, source), messageText(node.right, source)];
    if (left === undefined && right === undefined) return undefined;
    return (left ?? code(node.left)) + (right ?? code(node.right));
  }
  if (node.type === 'JSXElement' || node.type === 'JSXFragment') {
    if (!node.children.some((child) => child.type === 'JSXText' && /\p{L}/u.test(child.value)))
      return undefined;
    return node.children
      .map((child) => (child.type === 'JSXText' ? child.value : childText(child, source)))
      .join('');
  }
  return undefined;
}

function childText(child, source) {
  if (child.type === 'JSXExpressionContainer')
    return (
      messageText(child.expression, source) ?? `\${${oneLine(source.slice(child.start + 1, child.end - 1))}}`
    );
  return messageText(child, source) ?? '${element}';
}

/**
 * Returns `count` of the texts in an order that depends on `seed` only, or all of them when there are fewer.
 * @template T
 * @param {readonly T[]} texts
 * @param {number} count
 * @param {number} seed an integer
 * @returns {T[]}
 */
export function draw(texts, count, seed) {
  const random = generator(seed);
  const rest = [...texts];
  for (let at = 0; at < Math.min(count, rest.length); at++) {
    const other = at + Math.floor(random() * (rest.length - at));
    [rest[at], rest[other]] = [rest[other], rest[at]];
  }
  return rest.slice(0, count);
}

/** A linear congruential generator with the constants of Numerical Recipes, whose low bits are not used. */
function generator(seed) {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state >>> 8) / 2 ** 24;
  };
}

function readNumber(name, value) {
  const number = Number(value);
  if (!/^\d+$/.test(value) || number > 0xffff_ffff)
    throw new Error(`--${name}: ${value} is not a whole number (use 0 to 4294967295)`);
  return number;
}

function main() {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string', default: '1' },
      count: { type: 'string', default: '40' },
      root: { type: 'string', default: fileURLToPath(new URL('../..', import.meta.url)) },
    },
  });
  const [seed, count] = [readNumber('seed', values.seed), readNumber('count', values.count)];
  const listing = ['ls-files', '-z', '--cached', '--others', '--exclude-standard'];
  const files = execFileSync('git', listing, { cwd: values.root, encoding: 'utf8' })
    .split('\0')
    .filter((file) => /\.(?:[cm]?js|tsx?)$/.test(file))
    .toSorted();
  /** @type {ReturnType<typeof readTexts>} */
  const all = { comments: [], messages: [], tests: [] };
  for (const file of files) {
    const texts = readTexts(file, readFileSync(join(values.root, file), 'utf8'));
    for (const kind of Object.keys(all)) all[kind].push(...texts[kind]);
  }
  const print = (title, texts) => {
    process.stdout.write(`${title} (${Math.min(count, texts.length)} of ${texts.length}, seed ${seed})\n`);
    for (const { file, line, text } of draw(texts, count, seed))
      process.stdout.write(`${file}:${line}: ${text}\n`);
    process.stdout.write('\n');
  };
  print('Comments', all.comments);
  print('Messages', all.messages);
  print('Test names', all.tests);
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  try {
    main();
  } catch (error) {
    process.stderr.write(`prose-sample: ${error.message}\n`);
    process.exitCode = 2;
  }
}
