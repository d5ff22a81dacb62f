/** Removes secrets from text that leaves this machine. */

const MASK = '[removed]';

/** Shapes of secrets, each with what replaces it. */
const SHAPES: readonly (readonly [RegExp, string])[] = [
  // The user information of a URL.
  [/([a-z][a-z0-9+.-]*:\/\/)[^/\s"'@]*@/gi, `$1${MASK}@`],
  // Credentials in headers, up to the end of the line or of a JSON text.
  [
    /\b((?:proxy-)?authorization|(?:set-)?cookie|x-[a-z-]*(?:key|token))(["']?\s*[:=]\s*["']?)[^"'\r\n]+/gi,
    `$1$2${MASK}`,
  ],
  [/\b(Bearer|Basic)\s+[\w.~+/=-]+/gi, `$1 ${MASK}`],
  // Keys and tokens of Culvert.
  [/\bcv[a-z]{1,3}_[\w-]+/g, MASK],
  // Parameters whose names say that their value is secret.
  [
    /\b((?:api_?key|access_token|refresh_token|token|secret|password|signature|code)=)[^&\s"']+/gi,
    `$1${MASK}`,
  ],
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[^]*?-----END [A-Z ]*PRIVATE KEY-----/g, MASK],
];

/** Replaces the known secrets, and everything that looks like one. */
export function redact(text: string, secrets: readonly string[]): string {
  // The longest first, so that no secret remains because a part of it was replaced.
  const known = secrets
    .filter((secret) => secret.length >= 4)
    .flatMap((secret) => [secret, JSON.stringify(secret).slice(1, -1)])
    .toSorted((a, b) => b.length - a.length);
  const masked = known.reduce((rest, secret) => rest.replaceAll(secret, MASK), text);
  return SHAPES.reduce((rest, [shape, replacement]) => rest.replace(shape, replacement), masked);
}
