/**
 * Reports wordings of `prose-patterns.mjs` in the Markdown files that git knows. Prints `file:line: "found": advice` for each,
 * and exits with 1 when there are any. Code blocks are left out, and so are tables of rewrites.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { findWordings } from './prose-patterns.mjs';

/**
 * Returns the findings in a Markdown document, paragraph by paragraph.
 * @param {string} markdown
 * @returns {{ line: number, found: string, advice: string }[]} `line` is that of the paragraph's first line, from 1
 */
export function findInMarkdown(markdown) {
  const findings = [];
  let isCode = false;
  let paragraph = '';
  let start = 0;
  const endParagraph = () => {
    for (const { found, advice } of findWordings(paragraph)) findings.push({ line: start, found, advice });
    paragraph = '';
  };
  for (const [index, line] of markdown.split('\n').entries()) {
    const isFence = /^\s*(?:```|~~~)/.test(line);
    if (isFence || isCode || line.trim() === '' || /^\s*(?:[-*|#>]|\d+\.)/.test(line)) endParagraph();
    if (isFence) isCode = !isCode;
    else if (!isCode) {
      if (paragraph === '') start = index + 1;
      paragraph = `${paragraph} ${line.trim()}`.trim();
    }
  }
  endParagraph();
  return findings;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const files = execFileSync(
    'git',
    ['ls-files', '-z', '--cached', '--others', '--exclude-standard', '*.md'],
    {
      encoding: 'utf8',
    },
  )
    .split('\0')
    .filter((file) => file !== '');
  let count = 0;
  for (const file of files) {
    for (const { line, found, advice } of findInMarkdown(readFileSync(file, 'utf8'))) {
      count++;
      process.stdout.write(`${file}:${line}: "${found}": ${advice}\n`);
    }
  }
  process.stdout.write(`prose: ${count} findings in ${files.length} Markdown files\n`);
  process.exitCode = count === 0 ? 0 : 1;
}
