/**
 * One field as HTTP/2 carries it, judged once: fields come from tables, so the same object serves many requests. Text
 * is latin1, one character per byte.
 */

/** The role of a field in a message (RFC 9113 §8.2, §8.3). `MALFORMED` covers names, values and unknown pseudo-header fields. */
export const FieldKind = {
  REGULAR: 0,
  COOKIE: 1,
  HOST: 2,
  CONTENT_LENGTH: 3,
  /** `te: trailers`, the only kind allowed. */
  TE: 4,
  /** Belongs to one HTTP/1.1 connection (§8.2.2). */
  CONNECTION_SPECIFIC: 5,
  MALFORMED: 6,
  METHOD: 7,
  SCHEME: 8,
  PATH: 9,
  AUTHORITY: 10,
  PROTOCOL: 11,
  /** `:status`, in responses only. */
  STATUS: 12,
} as const;
export type FieldKind = (typeof FieldKind)[keyof typeof FieldKind];

/** The first kind that is a pseudo-header field; all that follow are. */
export const FIRST_PSEUDO_KIND = FieldKind.METHOD;

/** Size of a field beside its text (RFC 7541 §4.1). */
export const FIELD_OVERHEAD_BYTES = 32;

const SPECIAL_NAMES: ReadonlyMap<string, FieldKind> = new Map<string, FieldKind>([
  ['cookie', FieldKind.COOKIE],
  ['host', FieldKind.HOST],
  ['content-length', FieldKind.CONTENT_LENGTH],
  ['te', FieldKind.TE],
  ['connection', FieldKind.CONNECTION_SPECIFIC],
  ['keep-alive', FieldKind.CONNECTION_SPECIFIC],
  ['proxy-connection', FieldKind.CONNECTION_SPECIFIC],
  ['transfer-encoding', FieldKind.CONNECTION_SPECIFIC],
  ['upgrade', FieldKind.CONNECTION_SPECIFIC],
  [':method', FieldKind.METHOD],
  [':scheme', FieldKind.SCHEME],
  [':path', FieldKind.PATH],
  [':authority', FieldKind.AUTHORITY],
  [':protocol', FieldKind.PROTOCOL],
  [':status', FieldKind.STATUS],
]);

/** 1 for bytes that a name may hold: token bytes (RFC 9110 §5.6.2) but no upper case (RFC 9113 §8.2). */
const IS_NAME_BYTE = new Uint8Array(256);
/** 1 for bytes that a value may hold: HTAB, SP to `~`, 0x80 and above, as over HTTP/1.1 (docs/http1.md). */
const IS_VALUE_BYTE = new Uint8Array(256);
for (let byte = 0; byte < 256; byte++) {
  if (/[!#$%&'*+\-.^_`|~0-9a-z]/.test(String.fromCharCode(byte))) IS_NAME_BYTE[byte] = 1;
  if (byte === 0x09 || (byte >= 0x20 && byte !== 0x7f)) IS_VALUE_BYTE[byte] = 1;
}

export class HeaderField {
  readonly kind: FieldKind;
  private lineText = '';

  private constructor(
    readonly name: string,
    readonly value: string,
    /** The kind by the name alone. */
    private readonly nameKind: FieldKind,
  ) {
    this.kind = kindOf(nameKind, value);
  }

  static of(name: string, value: string): HeaderField {
    return new HeaderField(name, value, SPECIAL_NAMES.get(name) ?? kindOfName(name));
  }

  /** A field of the same name. */
  with(value: string): HeaderField {
    return new HeaderField(this.name, value, this.nameKind);
  }

  /** Bytes by which tables and lists are measured. */
  get size(): number {
    return this.name.length + this.value.length + FIELD_OVERHEAD_BYTES;
  }

  /** The field as a line of HTTP/1.1. Only for fields that are not malformed. */
  get line(): string {
    if (this.lineText === '') this.lineText = `${this.name}: ${this.value}\r\n`;
    return this.lineText;
  }
}

function kindOfName(name: string): FieldKind {
  if (name === '') return FieldKind.MALFORMED;
  for (let i = 0; i < name.length; i++)
    if (IS_NAME_BYTE[name.charCodeAt(i)] !== 1) return FieldKind.MALFORMED;
  return FieldKind.REGULAR;
}

function kindOf(nameKind: FieldKind, value: string): FieldKind {
  const { length } = value;
  if (length === 0) return nameKind;
  for (let i = 0; i < length; i++) if (IS_VALUE_BYTE[value.charCodeAt(i)] !== 1) return FieldKind.MALFORMED;
  // RFC 9113 §8.2.1: no whitespace around a value.
  if (isWhitespace(value.charCodeAt(0)) || isWhitespace(value.charCodeAt(length - 1)))
    return FieldKind.MALFORMED;
  if (nameKind === FieldKind.TE && value.toLowerCase() !== 'trailers') return FieldKind.CONNECTION_SPECIFIC;
  return nameKind;
}

function isWhitespace(code: number): boolean {
  return code === 0x20 || code === 0x09;
}
