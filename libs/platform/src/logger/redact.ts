/**
 * Last line of defence against secrets in logs: works on the finished JSON line, so it does not matter how deep
 * in an object, or in whose error message, a secret hides.
 */
const REDACTED = '[redacted]';

const SECRET_FIELDS = [
  'authorization',
  'proxy-authorization',
  'cookie',
  'set-cookie',
  'x-ambassador-api-key',
  'api-?key',
  'secret',
  'password',
  'password-?hash',
].join('|');

// A field of such a name with a string, or a list of strings, as its value.
const STRING = String.raw`"(?:[^"\\]|\\.)*"`;
const FIELD = new RegExp(`("(?:${SECRET_FIELDS})":)(?:${STRING}|\\[(?:${STRING},?)*\\])`, 'gi');
const API_KEY = /cvt_[0-9A-Za-z]{8,}/g;
const BEARER = /\b(Bearer|Basic) [\w.~+/=-]+/gi;
const URL_PASSWORD = /(:\/\/[^\s/:@"\\]*):[^\s/@"\\]+@/g;

/** `line` with every value that may be a credential replaced. Stays valid JSON. */
export function redactLine(line: string): string {
  return line
    .replace(FIELD, `$1"${REDACTED}"`)
    .replace(API_KEY, `cvt_${REDACTED}`)
    .replace(BEARER, `$1 ${REDACTED}`)
    .replace(URL_PASSWORD, `$1:${REDACTED}@`);
}
