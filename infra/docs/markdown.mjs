/** Pages, headings and links of the documentation as forges read them: for its site, and for the check of its links. */
import { readdirSync, readFileSync } from 'node:fs';
import MarkdownIt from 'markdown-it';

const parser = new MarkdownIt({ html: true });
const HTML_TARGET = /<(?:a|img)\s[^>]*?(?:href|src)="([^"]*)"/g;

/** Returns the anchor that forges give a heading: lower-case, without punctuation, with hyphens for spaces. */
export function slugOf(heading) {
  return heading
    .trim()
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{M}\p{N}\p{Pc}\- ]/gu, '')
    .replaceAll(' ', '-');
}

/** Returns the outline of a document. The anchor of a repeated heading ends with a number. */
export function outlineOf(markdown) {
  const headings = [];
  const targets = [];
  const tokens = parser.parse(markdown, {});
  for (const [index, token] of tokens.entries()) {
    if (token.type === 'heading_open') headings.push(textOf(tokens[index + 1]?.children ?? []));
    for (const part of [token, ...(token.children ?? [])]) targets.push(...targetsOf(part));
  }
  const anchors = new Set();
  for (const heading of headings) {
    const slug = slugOf(heading);
    let anchor = slug;
    for (let count = 1; anchors.has(anchor); count++) anchor = `${slug}-${count}`;
    anchors.add(anchor);
  }
  return { title: headings[0] ?? '', anchors, targets };
}

/** Returns the pages in `folder`, a path that ends with a slash. The title of a page without a heading is its path. */
export function readPages(folder) {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((path) => path.replaceAll('\\', '/'))
    .filter((path) => path.endsWith('.md') && !path.startsWith('.'))
    .map((path) => ({ path, title: outlineOf(readFileSync(folder + path, 'utf8')).title || path }));
}

function textOf(tokens) {
  return tokens
    .filter(({ type }) => type === 'text' || type === 'code_inline')
    .map(({ content }) => content)
    .join('');
}

function targetsOf(token) {
  if (token.type === 'link_open') return [token.attrGet('href') ?? ''];
  if (token.type === 'image') return [token.attrGet('src') ?? ''];
  if (!token.type.startsWith('html_')) return [];
  return [...token.content.matchAll(HTML_TARGET)].map(([, target = '']) => target);
}
