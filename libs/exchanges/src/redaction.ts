/**
 * Removes values that a team does not want to keep from an exchange before it is stored. What an edge masks for
 * everybody is masked already.
 */
import type { CapturedBody, Exchange, ExchangeBodies, ExchangeMessage } from '@culvert/contract';
import { decodedBytes, textOf } from './body-text.js';

const MASK = '***';
/** Matches a parameter of a query or fragment, or of a form. */
const PARAMETER = /(^|[?&#;])([^=?&#;\s]{1,256})=([^&#;\s]*)/g;
const JSON_TYPE = /^[^;]*([/+](x-)?json|\/csp-report)\s*(;|$)/i;
const FORM_TYPE = /^application\/x-www-form-urlencoded\s*(;|$)/i;
/** Types without fields, unless their text is JSON: some services send JSON as pages. */
const PAGE_TYPE = /^(text\/(html|css|javascript)|application\/(x-)?javascript)\s*(;|$)/i;
/** Types without fields or text. */
const MEDIA_TYPE = /^(image|font|audio|video)\/(?![^;]*xml)/i;
/** Limit of a body without its content coding, and of what remains of it. */
const MAX_BYTES = 256 * 1024;

type Head = Exchange['request'];

/** Bounds the work of redaction, which blocks the process: visitors decide how much of it there would be. */
export interface RedactionBudget {
  /** Whether more may be decoded and searched now. */
  readonly hasRoom: boolean;
  spend(bytes: number): void;
}

/** Redacts values by the names of their fields. Bodies and messages whose fields it cannot find for sure are left out. */
export class Redaction {
  private readonly fieldNames: ReadonlySet<string>;
  private readonly names: ReadonlySet<string>;

  /**
   * @param names names of the team, in lower case: of header fields, parameters, and fields of bodies
   * @param fieldNames names of header fields alone, in lower case
   * @param budget for bodies and messages. Those beyond it are left out
   */
  constructor(
    names: readonly string[],
    fieldNames: readonly string[],
    private readonly budget: RedactionBudget,
  ) {
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
    if (body.base64 === '' || MEDIA_TYPE.test(type)) return body;
    const isForm = FORM_TYPE.test(type);
    const isPage = PAGE_TYPE.test(type);
    const text = this.textToSearch(body);
    if (text === null) return leftOut(body);
    const isJson = JSON_TYPE.test(type) || /^\s*[[{]/.test(text);
    if (!isJson && isPage && !/^\s*data:/.test(text)) return body;
    if (!isJson && !isForm) return leftOut(body);
    try {
      const redacted = isJson ? this.withoutMembers(text) : this.withoutParameters(text);
      if (redacted === text) return body;
      if (redacted.length > MAX_BYTES) return leftOut(body);
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

  /** Returns the text of a body; null if it is not complete, not text, too large, or too much after others. */
  private textToSearch(body: CapturedBody): string | null {
    if (body.isTruncated || !this.budget.hasRoom) return null;
    const { bytes, isDecoded } = decodedBytes(body, MAX_BYTES);
    this.budget.spend(isDecoded ? bytes.length : MAX_BYTES);
    return isDecoded && bytes.length <= MAX_BYTES ? textOf(bytes, body) : null;
  }

  /** A message is text with JSON, or its content is left out: the names of other fields cannot be found. */
  private message(message: ExchangeMessage): ExchangeMessage {
    const { text, base64, isTruncated } = message;
    if (text === null && base64 === null) return message;
    if (text !== null && !isTruncated && text.length <= MAX_BYTES && this.budget.hasRoom) {
      this.budget.spend(text.length);
      try {
        return { ...message, text: this.withoutMembers(text) };
      } catch {
        // It is not JSON.
      }
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
