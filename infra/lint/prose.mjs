/**
 * Reports wordings of `prose-patterns.mjs` in comments, test names and strings of source files. A string counts as text for
 * people when it has three words or more.
 */
import { findWordings } from './prose-patterns.mjs';

/** Comments for tools, which are not prose. */
const DIRECTIVE = /^\s*(?:oxlint|eslint|prettier|@ts-|v8 |c8 |#|\/ <reference)/;

/** Removes the asterisks and line ends of a comment. */
function commentText(value) {
  return value
    .split('\n')
    .map((line) => line.replace(/^\s*\*+ ?/, ''))
    .join(' ')
    .replaceAll(/\s+/g, ' ')
    .trim();
}

function isForPeople(text) {
  return /\p{L}+[ ,]+\p{L}+[ ,]+\p{L}+/u.test(text);
}

/** `culvert/prose`. */
export const prose = {
  meta: {
    type: 'suggestion',
    docs: { description: 'Text is plain English: infra/lint/prose-patterns.mjs lists what is not' },
  },
  create(context) {
    const report = (node, text, isComment) => {
      for (const { found, advice } of findWordings(text, isComment))
        context.report({ node, message: `"${found}": ${advice}` });
    };
    const checkText = (node, text) => {
      if (typeof text === 'string' && isForPeople(text))
        report(node, text.replaceAll(/\s+/g, ' ').trim(), false);
    };
    return {
      Program() {
        for (const comment of context.sourceCode.getAllComments()) {
          if (!DIRECTIVE.test(comment.value)) report(comment, commentText(comment.value), true);
        }
      },
      Literal(node) {
        checkText(node, node.value);
      },
      TemplateElement(node) {
        checkText(node, node.value.cooked);
      },
      JSXText(node) {
        checkText(node, node.value);
      },
    };
  },
};
