/**
 * Keeps the texts of the dashboard in the files `texts.ts` and `texts.tsx`, one for each page or group of parts, so that they
 * can be translated. Everywhere else the rule reports text in JSX, in attributes and properties that people read, and strings
 * that look like a phrase.
 */

/** Attributes and properties whose strings people read. */
const READ = new Set([
  'about',
  'alt',
  'aria-description',
  'aria-label',
  'confirm',
  'description',
  'header',
  'label',
  'legend',
  'message',
  'never',
  'placeholder',
  'submit',
  'summary',
  'text',
  'title',
]);

/** A capital letter and a small one, or two words: strings of programs rarely look like this. */
const PHRASE = /^\p{Lu}\p{Ll}|[\p{L}\d][,:.!?…]?\s\p{L}/u;

/** Strings that programs read although they look like a phrase: sizes of grids, selectors, commands, names of products. */
const FOR_PROGRAMS =
  /^(?:minmax\(|Culvert-Team$|Control\+|M[\d…]|--|ui-|system-ui|curl |printf |helm |docker |npm |culvert |telepresence |export |form \[|input, |a, \[|HTTP\/)/;
const PRODUCTS = new Set([
  'AbortError',
  'Android',
  'ApiProblem',
  'Chrome',
  'Edge',
  'Firefox',
  'Linux',
  'Opera',
  'Safari',
  'Windows',
]);

const hasLetter = (text) => /\p{L}/u.test(text);

/** Returns the name of the attribute or property whose value contains the node, and whether the node is text of an element. */
function placeOf(node) {
  let child = node;
  for (let parent = node.parent; parent; child = parent, parent = parent.parent) {
    switch (parent.type) {
      case 'ConditionalExpression':
        if (parent.test === child) return 'condition';
        break;
      case 'LogicalExpression':
      case 'TemplateLiteral':
      case 'TSAsExpression':
        break;
      case 'BinaryExpression':
        if (parent.operator !== '+') return 'condition';
        break;
      case 'JSXExpressionContainer':
        if (parent.parent.type !== 'JSXAttribute') return 'element';
        break;
      case 'JSXAttribute':
        return String(parent.name.name.name ?? parent.name.name);
      case 'Property':
        return parent.key === child ? 'key' : String(parent.key.name ?? parent.key.value);
      case 'NewExpression':
        return /Error$|Problem$/.test(parent.callee.name ?? '') ? 'error' : '';
      case 'ThrowStatement':
        return 'error';
      default:
        return parent.type;
    }
  }
  return '';
}

/** Places of strings that no person reads on the page. */
const IGNORED = new Set([
  'condition',
  'error',
  'key',
  'className',
  'code',
  'width',
  'd',
  'transform',
  'ImportDeclaration',
  'ImportExpression',
  'ExportNamedDeclaration',
  'ExportAllDeclaration',
  'TSLiteralType',
  'TSExternalModuleReference',
  'TSImportType',
  'TaggedTemplateExpression',
]);

/** `culvert/dashboard-texts`. */
export const dashboardTexts = {
  meta: {
    type: 'suggestion',
    docs: { description: 'Texts of the dashboard are in texts.ts' },
  },
  create(context) {
    const file = context.filename.replaceAll('\\', '/');
    if (/\/texts\.tsx?$|\.spec\.tsx?$/.test(file)) return {};
    const report = (node, text) =>
      context.report({
        node,
        message: `"${text.trim().replaceAll(/\s+/g, ' ')}" is text: move it to texts.ts beside this file`,
      });
    const check = (node, text) => {
      if (!hasLetter(text) || PRODUCTS.has(text) || FOR_PROGRAMS.test(text.trim())) return;
      const place = placeOf(node);
      if (IGNORED.has(place)) return;
      if (place === 'element' || READ.has(place) || PHRASE.test(text)) report(node, text);
    };
    return {
      JSXText(node) {
        if (hasLetter(node.value) && !FOR_PROGRAMS.test(node.value.trim())) report(node, node.value);
      },
      Literal(node) {
        if (typeof node.value === 'string') check(node, node.value);
      },
      TemplateLiteral(node) {
        check(node, node.quasis.map(({ value }) => value.cooked).join('…'));
      },
    };
  },
};
