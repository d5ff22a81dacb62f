/** Finds secrets that stand in the file itself, where everyone who can read the file sees them. */
import { type Document, isMap, isScalar, type Node, visit } from 'yaml';
import { literalPart } from './interpolate.js';

const SECRET_HEADER =
  /^(?:proxy-)?authorization$|^cookie$|(?:^|[-_])(?:api)?[-_]?(?:key|token|secret|password)$/i;
/** Schemes of credentials: a name of one is not a secret. */
const SCHEME = /^(?:bearer|basic|token|digest)$/i;

/** Returns the nodes of secrets that do not come from the environment, each with the field's name. */
export function literalSecrets(document: Document): { readonly node: Node; readonly field: string }[] {
  const found: { node: Node; field: string }[] = [];
  const add = (node: unknown, field: string): void => {
    if (isScalar(node) && hasLiteralSecret(String(node.value))) found.push({ node, field });
  };
  visit(document, {
    Pair: (_key, { key, value }, ancestors) => {
      if (!isScalar(key)) return;
      const name = String(key.value);
      if (name === 'apiKey' && ancestors.length === 2) add(value, 'apiKey');
      if (name !== 'addRequestHeaders' || !isMap(value)) return;
      for (const { key: header, value: secret } of value.items)
        if (isScalar(header) && SECRET_HEADER.test(String(header.value)))
          add(secret, `addRequestHeaders.${String(header.value)}`);
    },
  });
  return found;
}

function hasLiteralSecret(text: string): boolean {
  const rest = literalPart(text).trim();
  return rest !== '' && !SCHEME.test(rest);
}
