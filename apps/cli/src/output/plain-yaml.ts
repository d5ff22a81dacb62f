/** YAML for programs and people. It is loaded only if a command is asked for it. */
import { Document, isPair, isScalar, Scalar, visit } from 'yaml';
import { escapeUnsafe, hasUnsafe } from '@culvert/client';

/**
 * Spells a JSON value as one YAML 1.2 document that is safe to show on a terminal: text with control characters is quoted and
 * escaped. Ends with a line break.
 */
export function plainYaml(value: unknown): string {
  const document = new Document(value, { aliasDuplicateObjects: false });
  visit(document, {
    Pair: (_key, { key }) => quote(key),
    Scalar: (_key, scalar) => quote(scalar),
  });
  return escapeUnsafe(
    document.toString({ lineWidth: 0, doubleQuotedMinMultiLineLength: Number.MAX_SAFE_INTEGER }),
  );
}

function quote(node: unknown): void {
  if (isPair(node) || !isScalar(node) || typeof node.value !== 'string') return;
  // Escapes exist only between double quotes.
  if (hasUnsafe(node.value)) node.type = Scalar.QUOTE_DOUBLE;
}
