/**
 * Last line of defense against secrets in logs. Works on the finished JSON line, so that it finds secrets at any depth of an
 * object and in error messages. Judges fields by their names, and all text by its form.
 */
import { SECRET_PREFIX_PATTERN } from '@culvert/domain';

const REDACTED = '[redacted]';

/**
 * The one field that is logged unredacted, on purpose: a link that the operator passes on if no mail is sent. It counts only
 * at the top level of a line, which clients cannot write to.
 */
export const HANDED_ON = 'handedOnLink';

/** Fields whose names contain one of these hold a secret: `x-ambassador-api-key`, `clientSecret`. */
const SECRET_WORDS =
  'authori[sz]ation|cookie|secret|passw(?:or)?d|passphrase|token|api[-_]?key|credential|private[-_]?key';
const SECRET_NAME = new RegExp(SECRET_WORDS, 'i');
/** Names of fields that describe a secret without containing it: `apiKeyId`, `token_count`. */
const ABOUT =
  /(?:[a-z](?:Ids?|Names?|Count|At|Hint|Kind|Type|Ms|Bytes|Url)|[-_](?:ids?|names?|count|at|hint|kind|type|url))$/;

/** Bounded, so that no text makes a pattern backtrack over all of it. */
const NAME_PART = String.raw`[\w.-]{0,60}`;
const QUOTE = String.raw`(\\{0,7}["'])`;

/** Forms of secrets in text, and their replacements, which keep the beginning so that a reader can find the secret's kind. */
const PATTERNS: readonly (readonly [RegExp, string])[] = [
  [new RegExp(`(${SECRET_PREFIX_PATTERN})[\\w-]{8,}`, 'g'), `$1${REDACTED}`],
  [/\b(Bearer|Basic) [\w.~+/=-]{6,}/gi, `$1 ${REDACTED}`],
  [/\b(gh[pousr]_|github_pat_|glpat-)\w{8,}/g, `$1${REDACTED}`],
  [/\b(AT[AC]TT3x)[\w=-]{8,}/g, `$1${REDACTED}`],
  // A JWT, known by its header: a JSON object in base64url.
  [/\beyJ[\w-]{8,2048}\.[\w-]{8,8192}(?:\.[\w-]*)?/g, REDACTED],
  [/(-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----)[^-]+/g, `$1${REDACTED}`],
  // Matches user:password@ with any characters in the password, but not the port of a URL with an @ in its path.
  [/(:\/\/[^\s/:@"']{0,100}):(?!\d{1,5}[/?#])\S{1,200}@/g, `$1:${REDACTED}@`],
  // A token in the place of the user.
  [/(:\/\/)[^\s/:@"']{20,500}@/g, `$1${REDACTED}@`],
  // A header line.
  [/\b((?:proxy-)?authorization|(?:set-)?cookie|[\w-]{0,40}api-key): *[^\r\n]+/gi, `$1: ${REDACTED}`],
  // JSON within a text, quoted once or several times.
  [
    new RegExp(
      `${QUOTE}(${NAME_PART}(?:${SECRET_WORDS})${NAME_PART})\\1( ?: ?)\\1(?:(?!(?<!\\\\)\\1)[^])*`,
      'gi',
    ),
    `$1$2$1$3$1${REDACTED}`,
  ],
  // A query, a form, or an assignment.
  [new RegExp(`\\b(${NAME_PART}(?:${SECRET_WORDS})${NAME_PART}=)[^\\s&;,"'\\\\)]+`, 'gi'), `$1${REDACTED}`],
];

/** Matches every line that may need redaction. Most lines do not match, which is cheap to find out. */
const IS_SUSPICIOUS = new RegExp(
  `${SECRET_WORDS}|"args":|${SECRET_PREFIX_PATTERN}|bearer|basic|://|\\bgh[pousr]_|github_pat_|glpat-|\\bAT[AC]TT3x|\\beyJ|PRIVATE KEY`,
  'i',
);

/** Limit of nested objects; pino itself stops earlier. */
const MAX_DEPTH = 50;

/** Returns `line` with every value replaced that may be a credential. The result is one line of JSON too. */
export function redactLine(line: string): string {
  if (!IS_SUSPICIOUS.test(line)) return line;
  const end = line.endsWith('\n') ? '\n' : '';
  try {
    const entry = JSON.parse(line) as Record<string, unknown>;
    const kept = HANDED_ON in entry ? { [HANDED_ON]: entry[HANDED_ON] } : {};
    return JSON.stringify({ ...(redact(entry, 0) as object), ...kept }) + end;
  } catch {
    return JSON.stringify({ msg: redactText(line.trimEnd()) }) + end;
  }
}

function redact(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return redactJson(value, depth) ?? redactText(value);
  if (typeof value !== 'object' || value === null) return value;
  if (depth >= MAX_DEPTH) return REDACTED;
  if (Array.isArray(value)) return value.map((item) => redact(item, depth + 1));
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [
      name,
      (isSecret(name) && !isHarmless(item)) || isArguments(name, item) ? REDACTED : redact(item, depth + 1),
    ]),
  );
}

/** Redacts a text that is itself JSON, such as a body. Returns null if it is not. */
function redactJson(text: string, depth: number): string | null {
  if (!/^\s*[{[]/.test(text) || depth >= MAX_DEPTH) return null;
  try {
    return JSON.stringify(redact(JSON.parse(text), depth + 1));
  } catch {
    return null;
  }
}

function isSecret(name: string): boolean {
  return SECRET_NAME.test(name) && !ABOUT.test(name);
}

/** Errors of ioredis carry their command with its arguments, and AUTH and HELLO have a password among them. */
function isArguments(name: string, value: unknown): boolean {
  return name === 'args' && Array.isArray(value);
}

function isHarmless(value: unknown): boolean {
  return value === null || typeof value === 'boolean' || value === '';
}

/** Returns `text` with everything replaced that looks like a credential. For text that bypasses the log. */
export function redactText(text: string): string {
  let redacted = text;
  for (const [pattern, replacement] of PATTERNS) redacted = redacted.replace(pattern, replacement);
  return redacted;
}
