/**
 * Removes values that a team does not want to keep from an exchange before it is stored. What an edge masks for
 * everybody is masked already.
 */
import type { CapturedBody, Exchange, ExchangeBodies, ExchangeMessage } from '@culvert/contract';
import { decodedBytes, textOf } from './body-text.js';

const MASK = '***';
/** Matches a parameter of a query or fragment, or of a form. */
const PARAMETER = /(^|[?&#;])([^=?&#;\s]{1,256})=([^&#;\s]*)/g;
const JSON_TYPE = /^[^;]*[/+]json\b/i;
const FORM_TYPE = /^application\/x-www-form-urlencoded\b/i;
/** Types with fields that are not searched, so that such bodies are not kept if a team redacts fields. */
const OPAQUE_TYPE =
  /^(multipart\/|[^;]*[/+]xml\b|[^;]*\bgrpc|[^;]*[/+](x-)?(ndjson|protobuf|msgpack|cbor|yaml)\b)/i;

type Head = Exchange['request'];

/** Redacts values by the names of their fields. */
export class Redaction {
  private readonly fieldNames: ReadonlySet<string>;
  private readonly names: ReadonlySet<string>;

  /**
   * @param names names of the team, in lower case: of header fields, parameters, and fields of bodies
   * @param fieldNames names of header fields alone, in lower case
   */
  constructor(names: readonly string[], fieldNames: readonly string[]) {
    this.names = new Set(names);
    this.fieldNames = new Set([...names, ...fieldNames]);
  }

  /** Returns the exchange without the values of those fields. Parts that this version does not know stay as they are. */
  exchange(exchange: Exchange): Exchange {
    return {
      ...exchange,
      target: this.withoutParameters(exchange.target),
      request: this.head(exchange.request),
      response: exchange.response && this.head(exchange.response),
      changes: exchange.changes.map((change) =>
        change.value === null ? change : this.field(change, change.value),
      ),
    };
  }

  /** Returns the bodies without the values of those fields. A body that cannot be searched is left out. */
  bodies(bodies: ExchangeBodies): ExchangeBodies {
    if (this.names.size === 0) return bodies;
    const { request, response, messages } = bodies;
    return {
      ...bodies,
      request: request && this.body(request),
      response: response && this.body(response),
      ...(messages && { messages: messages.map((message) => this.message(message)) }),
    };
  }

  private head(head: Head): Head {
    return { ...head, fields: head.fields.map((field) => this.field(field, field.value)) };
  }

  private field<Field extends { readonly name: string }>(field: Field, value: string): Field {
    const redacted = this.fieldNames.has(field.name.toLowerCase()) ? MASK : this.withoutParameters(value);
    return redacted === value ? field : { ...field, value: redacted, isMasked: true };
  }

  private body(body: CapturedBody): CapturedBody {
    const type = body.contentType ?? '';
    if (OPAQUE_TYPE.test(type)) return leftOut(body);
    if (!JSON_TYPE.test(type) && !FORM_TYPE.test(type)) return body;
    const { bytes, isDecoded } = decodedBytes(body);
    const text = isDecoded && !body.isTruncated ? textOf(bytes, body) : null;
    if (text === null) return leftOut(body);
    try {
      const redacted = FORM_TYPE.test(type) ? this.withoutParameters(text) : this.withoutMembers(text);
      if (redacted === text) return body;
      return {
        ...body,
        base64: Buffer.from(redacted).toString('base64'),
        contentEncoding: null,
        isMasked: true,
      };
    } catch {
      // It is not JSON, or nested too deeply.
      return leftOut(body);
    }
  }

  /** A message is text with JSON, or its content is left out: the names of other fields cannot be found. */
  private message(message: ExchangeMessage): ExchangeMessage {
    const { text, base64, isTruncated } = message;
    if (text === null && base64 === null) return message;
    try {
      if (text !== null && !isTruncated) return { ...message, text: this.withoutMembers(text) };
    } catch {
      // It is not JSON.
    }
    return { ...message, text: null, base64: null, isTruncated: true };
  }

  private withoutParameters(text: string): string {
    if (this.names.size === 0 || !text.includes('=')) return text;
    return text.replace(PARAMETER, (all: string, separator: string, name: string) =>
      this.names.has(plainName(name)) ? `${separator}${name}=${MASK}` : all,
    );
  }

  /** @throws SyntaxError if the text is not JSON */
  private withoutMembers(text: string): string {
    const root: unknown = JSON.parse(text);
    const waiting = [root];
    let isChanged = false;
    // A list instead of calls: text from outside can be nested more deeply than calls can.
    while (waiting.length > 0) {
      const value = waiting.pop();
      if (typeof value !== 'object' || value === null) continue;
      for (const [key, member] of Object.entries(value)) {
        if (!Array.isArray(value) && this.names.has(key.toLowerCase())) {
          Object.defineProperty(value, key, { value: MASK, enumerable: true });
          isChanged = true;
        } else if (typeof member === 'object' && member !== null) waiting.push(member);
      }
    }
    return isChanged ? JSON.stringify(root) : text;
  }
}

/** Returns what is kept of a body that cannot be searched: how long it was. */
function leftOut(body: CapturedBody): CapturedBody {
  return { ...body, base64: '', isTruncated: true, isMasked: true };
}

/** Returns the name of a parameter, decoded, in lower case, and without the brackets of frameworks: `user[password]`. */
function plainName(name: string): string {
  let decoded = name.replaceAll('+', ' ');
  try {
    decoded = decodeURIComponent(decoded);
  } catch {
    // It is compared as it was sent.
  }
  return (/\[([^[\]]+)\](?:\[\])*$/.exec(decoded)?.[1] ?? decoded).toLowerCase();
}
