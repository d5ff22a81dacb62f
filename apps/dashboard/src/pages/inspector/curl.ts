import type { CapturedBody, Exchange, HeaderField } from '../../api/exchanges.js';
import { texts } from './texts.js';

/** Fields that follow from the address and the body, or belong to one connection: curl adds them. */
const LEFT_OUT = new Set([
  'host',
  'content-length',
  'connection',
  'transfer-encoding',
  'upgrade',
  'keep-alive',
]);

/**
 * Returns a command for a POSIX shell that sends this request again. Masked fields are left out, and a comment names
 * them.
 */
export function toCurl(exchange: Exchange, origin: string, body: CapturedBody | null): string {
  const { method, target } = exchange;
  const { sent, masked } = ownFields(exchange);
  const hasBody = body !== null && body.bytes > 0;
  const parts = [
    // Brackets, braces and dots in the target are meant as they are.
    `curl --globoff --path-as-is ${quote(origin + target)}`,
    ...methodOptions(method, hasBody),
    ...sent.map((field) => `-H ${quote(headerArgument(field))}`),
    ...(hasBody ? ['--data-binary @-'] : []),
  ];
  const notes = [
    ...(masked.length === 0 ? [] : [`# ${texts.curl.masked(masked.join(', '))}`]),
    ...(body?.isTruncated ? [`# ${texts.curl.truncated}`] : []),
  ];
  const command = parts.join(' \\\n  ');
  const piped = hasBody ? `printf %s ${quote(body.base64)} | base64 -d | ${command}` : command;
  return [...notes, piped].join('\n');
}

function methodOptions(method: string, hasBody: boolean): readonly string[] {
  // A body makes curl send POST.
  if (method === 'GET' && !hasBody) return [];
  // With -X HEAD, curl would wait for a body; it refuses --head together with one that it sends.
  return method === 'HEAD' && !hasBody ? ['--head'] : [`-X ${quote(method)}`];
}

/** Returns the argument of -H. A name with a colon and no value would remove the field; a semicolon sends it empty. */
function headerArgument({ name, value }: HeaderField): string {
  return value === '' ? `${name};` : `${name}: ${value}`;
}

/** Returns the fields that a replay must contain, and the names of masked fields. */
export function ownFields({ request }: Pick<Exchange, 'request'>): {
  readonly sent: readonly HeaderField[];
  readonly masked: readonly string[];
} {
  const fields = request.fields.filter(({ name }) => !LEFT_OUT.has(name.toLowerCase()));
  return {
    sent: fields.filter(({ isMasked }) => !isMasked),
    masked: fields.filter(({ isMasked }) => isMasked).map(({ name }) => name),
  };
}

/** Quotes a word for a shell. Within single quotes, only a single quote has a meaning. */
function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
