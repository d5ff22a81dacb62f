/** Finds secrets that stand in the file itself, where everyone who can read the file sees them. */
import { type Document, isAlias, isMap, isScalar, isSeq, type Node, visit } from 'yaml';
import { literalPart } from './interpolate.js';

const SECRET_HEADER =
  /^(?:proxy-)?authorization$|^cookie$|(?:^|[-_])(?:api)?[-_]?(?:key|token|secret|password)$/i;
const MERGE_KEY = '<<';
/** Schemes of credentials: a name of one is not a secret. */
const SCHEME = /^(?:bearer|basic|token|digest)$/i;

/** Returns the nodes of secrets that do not come from the environment, each with the field's name. */
export function literalSecrets(document: Document): { readonly node: Node; readonly field: string }[] {
  const found: { node: Node; field: string }[] = [];
  const add = (given: unknown, field: string): void => {
    const node = resolved(given, document);
    if (isScalar(node) && hasLiteralSecret(String(node.value))) found.push({ node, field });
  };
  for (const { value } of fieldsOf(document.contents, document, 'apiKey')) add(value, 'apiKey');
  const seen = new Set<unknown>();
  visit(document, {
    Pair: (_key, { key, value }) => {
      if (nameOf(key, document) !== 'addRequestHeaders') return;
      for (const { name, value: secret } of fieldsOf(value, document)) {
        if (!SECRET_HEADER.test(name) || seen.has(secret)) continue;
        seen.add(secret);
        add(secret, `addRequestHeaders.${name}`);
      }
    },
  });
  return found;
}

interface Field {
  readonly name: string;
  readonly value: unknown;
}

/** Returns the fields of an object, those of merge keys (`<<`) included. @param wanted name; default: all */
function fieldsOf(
  given: unknown,
  document: Document,
  wanted?: string,
  above: readonly unknown[] = [],
): Field[] {
  const node = resolved(given, document);
  if (above.includes(node)) return [];
  const within = [...above, node];
  if (isSeq(node)) return node.items.flatMap((each) => fieldsOf(each, document, wanted, within));
  if (!isMap(node)) return [];
  return node.items.flatMap(({ key, value }) => {
    const name = nameOf(key, document);
    if (name === MERGE_KEY) return fieldsOf(value, document, wanted, within);
    return name !== null && (wanted ?? name) === name ? [{ name, value }] : [];
  });
}

function nameOf(key: unknown, document: Document): string | null {
  const node = resolved(key, document);
  if (!isScalar(node)) return null;
  // The parser gives merge keys a symbol.
  return typeof node.value === 'symbol' ? MERGE_KEY : String(node.value);
}

/** Returns what an alias stands for; other nodes as they are. */
function resolved(node: unknown, document: Document): unknown {
  return isAlias(node) ? node.resolve(document) : node;
}

function hasLiteralSecret(text: string): boolean {
  const rest = literalPart(text).trim();
  return rest !== '' && !SCHEME.test(rest);
}
