import { CliError } from '../cli-error.js';
import { EXIT } from '../exit-code.js';

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

/**
 * Escapes text of an XML element. Line breaks and tabs are escaped too, since parsers change a plain CR.
 * @throws CliError for characters that XML 1.0 cannot hold (§2.2)
 */
export function xmlText(text: string): string {
  // oxlint-disable-next-line no-control-regex -- these are what cannot be spelled
  if (/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/.test(text) || /\p{Surrogate}/u.test(text))
    throw new CliError(EXIT.usage, `the definition of a service cannot hold ${JSON.stringify(text)}`, {
      hint: 'Leave control characters out of arguments and paths.',
    });
  return text
    .replace(/[&<>"]/g, (c) => ENTITIES[c] ?? c)
    .replace(/[\t\n\r]/g, (c) => `&#${c.charCodeAt(0)};`);
}
