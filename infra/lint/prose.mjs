/**
 * Reports wordings of `prose-patterns.mjs` in comments, test names and strings of source files. `prose-text.mjs` says which of
 * them are text for people.
 */
import { findWordings } from './prose-patterns.mjs';
import { commentText, isForPeople, oneLine } from './prose-text.mjs';

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
      if (typeof text === 'string' && isForPeople(text)) report(node, oneLine(text), false);
    };
    return {
      Program() {
        for (const comment of context.sourceCode.getAllComments())
          report(comment, commentText(comment.value), true);
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
