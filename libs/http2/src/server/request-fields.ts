/** The rules of RFC 9113 §8.2 and §8.3 for the fields of a request, and of RFC 8441 for CONNECT. */
import { FieldKind, FIRST_PSEUDO_KIND, type HeaderField } from '../hpack/header-field.js';

/** The fields of a request that is not malformed. Their meaning is not checked here. */
export class RequestFields {
  /** A value that the owner derived from these fields: equal blocks come as the same object. */
  memo: object | null = null;

  constructor(
    readonly method: string,
    /** '' when absent, like the next two, which a plain CONNECT does not have. */
    readonly scheme: string,
    readonly authority: string,
    readonly path: string,
    /** `:protocol` of an extended CONNECT, else ''. */
    readonly protocol: string,
    /** The value of `host`, or ''. */
    readonly host: string,
    /** The value of `content-length`, or -1. */
    readonly contentLength: number,
    /** All fields except pseudo-header fields and `host`, in order. */
    readonly fields: readonly HeaderField[],
    /** Whether equal blocks may share this object. */
    readonly isShared: boolean,
  ) {}
}

/** Digits of a length: enough for 2^53 - 1, which is the limit. */
const LENGTH = /^[0-9]{1,16}$/;

/** Characters that a method has (RFC 9110 §5.6.2). */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** Returns the request that `list` makes, or null when it is malformed. */
export function readRequestFields(
  list: readonly HeaderField[],
  { isShared }: { readonly isShared: boolean },
): RequestFields | null {
  let method = '';
  let scheme = '';
  let authority = '';
  let path = '';
  let protocol = '';
  let host = '';
  let contentLength = -1;
  let seen = 0;
  const fields: HeaderField[] = [];
  for (const field of list) {
    const { kind, value } = field;
    if (kind >= FIRST_PSEUDO_KIND) {
      // §8.3: each once, before all others.
      const bit = 1 << kind;
      if (fields.length > 0 || host !== '' || (seen & bit) !== 0) return null;
      seen |= bit;
      if (kind === FieldKind.METHOD) method = value;
      else if (kind === FieldKind.PATH) path = value;
      else if (kind === FieldKind.SCHEME) scheme = value;
      else if (kind === FieldKind.AUTHORITY) authority = value;
      else if (kind === FieldKind.PROTOCOL) protocol = value;
      else return null;
    } else if (kind === FieldKind.HOST) {
      if (host !== '' || value === '') return null;
      host = value;
    } else {
      if (kind === FieldKind.MALFORMED || kind === FieldKind.CONNECTION_SPECIFIC) return null;
      if (kind === FieldKind.CONTENT_LENGTH) {
        if (contentLength !== -1 || !LENGTH.test(value)) return null;
        contentLength = Number(value);
        if (contentLength > Number.MAX_SAFE_INTEGER) return null;
      }
      fields.push(field);
    }
  }
  if (!TOKEN.test(method) || (authority === '' && host === '') || hasSpace(authority) || hasSpace(host))
    return null;
  const has = (kind: FieldKind): boolean => (seen & (1 << kind)) !== 0;
  if (method === 'CONNECT' && !has(FieldKind.PROTOCOL)) {
    // §8.5: an authority and nothing else.
    if (has(FieldKind.SCHEME) || has(FieldKind.PATH) || authority === '') return null;
  } else {
    if (has(FieldKind.PROTOCOL) && method !== 'CONNECT') return null;
    if (scheme === '' || !isPath(path, method)) return null;
  }
  return new RequestFields(method, scheme, authority, path, protocol, host, contentLength, fields, isShared);
}

/** Returns whether `list` may be trailers: no pseudo-header fields (§8.1), nothing malformed. */
export function areTrailers(list: readonly HeaderField[]): boolean {
  for (const { kind } of list) {
    if (kind >= FieldKind.CONNECTION_SPECIFIC) return false;
  }
  return true;
}

/** §8.3.1: a path begins with a slash, but for `OPTIONS *`. */
function isPath(path: string, method: string): boolean {
  return path.startsWith('/') ? !hasSpace(path) : path === '*' && method === 'OPTIONS';
}

/** Other characters are checked by the parser that both versions share. */
function hasSpace(text: string): boolean {
  return text.includes(' ') || text.includes('\t');
}
