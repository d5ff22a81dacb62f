/** The rule of long classes: a class with more lines usually does two things, and can be split along an interface. */
const MAX_LINES = 350;

/** `culvert/class-length`. oxlint has a rule for long files and functions, and none for classes. */
export const classLength = {
  meta: {
    type: 'suggestion',
    docs: { description: `Classes have ${MAX_LINES} lines at most` },
  },
  create(context) {
    const check = (node) => {
      const lines = node.loc.end.line - node.loc.start.line + 1;
      if (lines <= MAX_LINES) return;
      const message = `the class has ${lines} lines: more than ${MAX_LINES} are usually two things`;
      context.report({ node: node.id ?? node, message });
    };
    return { ClassDeclaration: check, ClassExpression: check };
  },
};
