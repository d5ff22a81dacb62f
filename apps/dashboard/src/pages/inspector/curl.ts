import type { CapturedBody, Exchange, HeaderField } from '../../api/exchanges.js';

/** What follows from the address and the body, or belongs to one connection: nobody has to write it again. */
const LEFT_OUT = new Set([
  'host',
  'content-length',
  'connection',
  'transfer-encoding',
  'upgrade',
  'keep-alive',
]);

/** A command for a POSIX shell that sends this request again. Fields that were masked are left out, and it says so. */
export function toCurl(exchange: Exchange, origin: string, body: CapturedBody | null): string {
  const { method, target } = exchange;
  const { sent, masked } = ownFields(exchange);
  const parts = [
    `curl ${quote(origin + target)}`,
    ...(method === 'GET' ? [] : [`-X ${quote(method)}`]),
    ...sent.map(({ name, value }) => `-H ${quote(`${name}: ${value}`)}`),
    ...(body === null || body.bytes === 0 ? [] : ['--data-binary @-']),
  ];
  const notes = [
    ...(masked.length === 0 ? [] : [`# Left out, since they are secret: ${masked.join(', ')}`]),
    ...(body?.isTruncated ? ['# The body is longer than what was captured.'] : []),
  ];
  const command = parts.join(' \\\n  ');
  const piped =
    body === null || body.bytes === 0 ? command : `printf %s ${quote(body.base64)} | base64 -d | ${command}`;
  return [...notes, piped].join('\n');
}

/** Fields that whoever repeats a request has to write, and the names of those that only its sender knows. */
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

/** Nothing within single quotes means anything to a shell but a single quote. */
function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
