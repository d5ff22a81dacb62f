/** The rules of RFC 9113 §8.2 and §8.3 for the fields of a response. */
import { FieldKind, FIRST_PSEUDO_KIND, type HeaderField } from '../hpack/header-field.js';

/** The fields of a response that is not malformed. */
export class ResponseFields {
  /** A value that the user derived from these fields: equal blocks come as the same object. */
  memo: object | null = null;

  constructor(
    /** 100 to 999, but not 101, which HTTP/2 does not have. */
    readonly status: number,
    /** The value of `content-length`, or -1. */
    readonly contentLength: number,
    /** All fields except `:status`, in order. */
    readonly fields: readonly HeaderField[],
  ) {}
}

/** One field block, decoded. The same object for equal blocks of a connection. */
export class FieldSection {
  private readResponse: ResponseFields | null | undefined = undefined;
  private readTrailers: readonly HeaderField[] | null | undefined = undefined;

  constructor(readonly fields: readonly HeaderField[]) {}

  /** Returns the fields as a response's, or null when they are malformed. */
  get response(): ResponseFields | null {
    if (this.readResponse === undefined) this.readResponse = readResponseFields(this.fields);
    return this.readResponse;
  }

  /** Returns the fields as trailers, or null when they are malformed. */
  get trailers(): readonly HeaderField[] | null {
    if (this.readTrailers === undefined) this.readTrailers = readTrailers(this.fields);
    return this.readTrailers;
  }
}

const STATUS = /^[1-9][0-9][0-9]$/;
/** Digits of a length: enough for 2^53 - 1, which is the limit. */
const LENGTH = /^[0-9]{1,16}$/;
const UPPER_CASE = /[A-Z]/;

/**
 * Returns the response that `list` makes, or null when it is malformed. A field with a character that no field may have is
 * left out: services send such fields, and browsers and proxies ignore them.
 */
export function readResponseFields(list: readonly HeaderField[]): ResponseFields | null {
  let status = 0;
  let contentLength = -1;
  const fields: HeaderField[] = [];
  for (const field of list) {
    const { kind, value } = field;
    if (kind >= FIRST_PSEUDO_KIND) {
      // §8.3.2: exactly one, before all other fields.
      if (kind !== FieldKind.STATUS || status !== 0 || fields.length > 0 || !STATUS.test(value)) return null;
      status = Number(value);
    } else if (kind === FieldKind.MALFORMED) {
      if (isForbidden(field)) return null;
    } else if (kind === FieldKind.CONNECTION_SPECIFIC) {
      return null;
    } else {
      if (kind === FieldKind.CONTENT_LENGTH) {
        if (contentLength !== -1 || !LENGTH.test(value)) return null;
        contentLength = Number(value);
        if (contentLength > Number.MAX_SAFE_INTEGER) return null;
      }
      fields.push(field);
    }
  }
  if (status === 0 || status === 101) return null;
  // RFC 9110 §8.6. Some services send a zero with 204.
  if ((status < 200 && contentLength !== -1) || (status === 204 && contentLength > 0)) return null;
  return new ResponseFields(status, contentLength, fields);
}

/** Returns the trailers that `list` makes, or null when they are malformed: no pseudo-header fields (§8.1). */
export function readTrailers(list: readonly HeaderField[]): readonly HeaderField[] | null {
  const fields: HeaderField[] = [];
  for (const field of list) {
    const { kind } = field;
    if (kind === FieldKind.MALFORMED) {
      if (isForbidden(field)) return null;
    } else if (kind >= FieldKind.CONNECTION_SPECIFIC) {
      return null;
    } else {
      fields.push(field);
    }
  }
  return fields;
}

/**
 * Reports whether a malformed field makes its message malformed: an unknown pseudo-header field, or a name in upper case (§8.2.1).
 */
function isForbidden({ name }: HeaderField): boolean {
  return name === '' || name.startsWith(':') || UPPER_CASE.test(name);
}
