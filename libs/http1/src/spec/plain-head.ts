// The plain twin of the head parsers: docs/http1.md implemented again with regular expressions, lists and string methods,
// for comparison with the tuned form. It reports every fault instead of the first.
import type { HttpSyntaxCode } from '../errors.js';
import type { HeadLimits } from '../limits.js';
import { Oddity, type OddityCode } from '../oddity.js';
import type { Faults, PlainField } from './plain-lines.js';
import { plainFields, plainSection } from './plain-lines.js';

interface PlainMessage {
  readonly minorVersion: number;
  readonly framing: 'none' | 'length' | 'chunked' | 'until-close';
  readonly contentLength: number;
  readonly keepAlive: boolean;
  readonly upgrade: string;
  readonly otherUpgrade: string;
  readonly connectionOptions: readonly string[];
  readonly fields: readonly PlainField[];
}

export interface PlainRequest extends PlainMessage {
  readonly method: string;
  readonly target: string;
  readonly host: string;
  readonly expectContinue: boolean;
}

export interface PlainResponse extends PlainMessage {
  readonly status: number;
  readonly reason: string;
  readonly isBodyless: boolean;
  readonly oddities: readonly OddityCode[];
}

export type Plain<T> =
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'refused'; readonly faults: Faults }
  | { readonly kind: 'head'; readonly end: number; readonly head: T };

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

const ODDITIES = Object.keys(Oddity) as OddityCode[];

export function plainRequest(text: string, limits: HeadLimits): Plain<PlainRequest> {
  const section = plainSection(text, 'request', limits);
  if (section.kind !== 'complete') return section;
  const faults = new Set<HttpSyntaxCode>();
  const [startLine, ...fieldLines] = section.lines;
  const fields = plainFields(fieldLines, limits.maxFieldCount, faults);
  const valuesOf = (name: string) => values(fields, name);

  const words = startLine.split(' ');
  const [method, sentTarget, version] = words;
  const hasThreeWords = words.length === 3;
  if (!hasThreeWords)
    for (const code of ['BAD_START_LINE', 'BAD_METHOD', 'BAD_TARGET'] as const) faults.add(code);
  if (!TOKEN.test(method)) faults.add(method === '' ? 'BAD_START_LINE' : 'BAD_METHOD');
  if (hasThreeWords) {
    if (!/^[!-~]+$/.test(sentTarget) || sentTarget.includes('#')) faults.add('BAD_TARGET');
    if (sentTarget === '') faults.add('BAD_START_LINE');
    plainVersion(version, faults);
    if (startLine === 'PRI * HTTP/2.0') faults.add('HTTP2_PREFACE');
    if (sentTarget.length > limits.maxTargetBytes) faults.add('START_LINE_TOO_LONG');
    if (method.length > 32) faults.add('METHOD_TOO_LONG');
    if (method === 'CONNECT') faults.add('CONNECT_METHOD');
  }
  const minorVersion = version === 'HTTP/1.0' ? 0 : 1;

  const hosts = valuesOf('host');
  if (hosts.length === 0) faults.add('MISSING_HOST');
  if (hosts.length > 1) faults.add('REPEATED_HOST');
  if (hosts.some((host) => !isHost(host))) faults.add('BAD_HOST');
  const host = plainHost(hosts[0] ?? '');
  const target = hasThreeWords ? plainTarget(sentTarget, method, host, faults) : '';

  const message = plainMessage(fields, fieldLines, minorVersion, faults);
  const indifferent =
    /^(?:host|content-length|transfer-encoding|connection|upgrade|keep-alive|proxy-connection|te)$/;
  const names = fields.map((field) => field.name.toLowerCase()).filter((name) => !indifferent.test(name));
  if (names.some((name) => message.oddNames.includes(name))) faults.add('BAD_CONNECTION');
  if (message.oddCoding !== null) faults.add(message.oddCoding);
  if (message.isChunked && minorVersion === 0) faults.add('TRANSFER_ENCODING_IN_HTTP10');
  const hasBody = message.isChunked || message.length > 0;
  const expectations = valuesOf('expect');
  if (expectations.length > 1 || expectations.some((value) => value.toLowerCase() !== '100-continue')) {
    faults.add('EXPECTATION_FAILED');
  }
  if (faults.size > 0) return { kind: 'refused', faults };
  return {
    kind: 'head',
    end: section.end,
    head: {
      minorVersion,
      method,
      target,
      host,
      framing: message.isChunked ? 'chunked' : message.length >= 0 ? 'length' : 'none',
      contentLength: Math.max(message.length, 0),
      keepAlive: message.persists,
      upgrade: method === 'GET' && !hasBody ? message.upgrade : '',
      otherUpgrade: ['GET', 'POST'].includes(method) ? message.otherUpgrade : '',
      expectContinue: expectations.length === 1 && hasBody && minorVersion === 1,
      connectionOptions: message.options,
      fields,
    },
  };
}

export function plainResponse(text: string, limits: HeadLimits, requestMethod: string): Plain<PlainResponse> {
  const section = plainSection(text, 'response', limits);
  if (section.kind !== 'complete') return section;
  const faults = new Set<HttpSyntaxCode>();
  const [startLine, ...fieldLines] = section.lines;
  const fields = plainFields(fieldLines, limits.maxFieldCount, faults);

  const match = /^(HTTP\/\d\.\d) ([1-9]\d\d)(?: (.*))?$/.exec(startLine);
  if (match === null) {
    faults.add('BAD_STATUS');
    faults.add('BAD_START_LINE');
  }
  plainVersion(startLine.slice(0, 8), faults);
  if (startLine.length > limits.maxTargetBytes + 42) faults.add('START_LINE_TOO_LONG');
  const minorVersion = match?.[1] === 'HTTP/1.0' ? 0 : 1;
  const status = Number(match?.[2]);

  const message = plainMessage(fields, fieldLines, minorVersion, faults);
  const oddities = new Set<OddityCode>();
  if (section.hasBareLf) oddities.add('BARE_LF');
  const isBodyless = status < 200 || status === 204 || status === 205;
  if (isBodyless && (message.isChunked || message.length > 0)) oddities.add('BODY_NOT_ALLOWED');
  if (message.oddCoding !== null) oddities.add(message.oddCoding);
  if (message.isChunked && minorVersion === 0) oddities.add('TRANSFER_ENCODING_IN_HTTP10');
  if (message.isOdd) oddities.add('BAD_CONNECTION');
  let framing: PlainResponse['framing'] = 'until-close';
  if (isBodyless || requestMethod === 'HEAD' || status === 304) framing = 'none';
  else if (message.isChunked) framing = 'chunked';
  else if (message.length >= 0) framing = 'length';
  if (faults.size > 0) return { kind: 'refused', faults };
  return {
    kind: 'head',
    end: section.end,
    head: {
      minorVersion,
      status,
      reason: match?.[3] ?? '',
      framing,
      contentLength: framing === 'length' ? message.length : 0,
      keepAlive:
        message.persists &&
        framing !== 'until-close' &&
        oddities.size === 0 &&
        (status !== 205 || message.length === 0),
      isBodyless,
      oddities: ODDITIES.filter((code) => oddities.has(code)),
      upgrade: status === 101 ? message.upgrade : '',
      otherUpgrade: status === 101 ? message.otherUpgrade : '',
      connectionOptions: message.options,
      fields,
    },
  };
}

function values(fields: readonly PlainField[], name: string): string[] {
  return fields.filter((field) => field.name.toLowerCase() === name).map((field) => field.value);
}

function plainVersion(version: string, faults: Set<HttpSyntaxCode>): void {
  if (!/^HTTP\/\d\.\d$/.test(version)) faults.add('BAD_START_LINE');
  else if (!/^HTTP\/1\.[01]$/.test(version)) faults.add('UNSUPPORTED_VERSION');
}

/** Removes meaningless differences: letter case, one final dot, an empty port. */
function plainHost(host: string): string {
  return host
    .toLowerCase()
    .replace(/:$/, '')
    .replace(/\.(?=$|:\d*$)/, '');
}

function isHost(host: string): boolean {
  const match = /^(?:([A-Za-z0-9._-]{1,255})|\[([0-9A-Fa-f:.]*)\])(?::(\d{0,5}))?$/.exec(host);
  if (match === null || match[1] === '.') return false;
  const [, , address, port] = match;
  // The platform's URL parser judges addresses.
  if (address !== undefined && !URL.canParse(`http://[${address}]/`)) return false;
  return port === undefined || Number(port) <= 65535;
}

function plainTarget(sent: string, method: string, host: string, faults: Set<HttpSyntaxCode>): string {
  if (sent.startsWith('/')) return sent;
  if (sent === '*' && method === 'OPTIONS') return '*';
  const match = /^https?:\/\/([^/?]*)(.*)$/i.exec(sent);
  if (match === null) {
    faults.add('BAD_TARGET');
    return '';
  }
  if (!isHost(match[1]) || plainHost(match[1]) !== host) faults.add('HOST_MISMATCH');
  if (match[2] === '') return method === 'OPTIONS' ? '*' : '/';
  return match[2].startsWith('?') ? `/${match[2]}` : match[2];
}

function isOtherProtocol(value: string): boolean {
  const parts = value.split('/');
  const name = parts[0].toLowerCase();
  const isHttp = ['h2', 'h2c', 'http', 'tls'].includes(name.split('-')[0]);
  return parts.length <= 2 && parts.every((part) => TOKEN.test(part)) && !isHttp && name !== 'websocket';
}

interface PlainSteering {
  readonly length: number;
  readonly isChunked: boolean;
  readonly oddCoding: 'REPEATED_TRANSFER_ENCODING' | 'BAD_TRANSFER_ENCODING' | null;
  readonly persists: boolean;
  readonly upgrade: string;
  readonly otherUpgrade: string;
  readonly options: readonly string[];
  /** Whether elements of `Connection` are not tokens, and the tokens in them. */
  readonly isOdd: boolean;
  readonly oddNames: readonly string[];
}

function plainMessage(
  fields: readonly PlainField[],
  lines: readonly string[],
  minorVersion: number,
  faults: Set<HttpSyntaxCode>,
): PlainSteering {
  // Tabs are not whitespace around framing.
  if (lines.some((line) => /^content-length:.*\t/i.test(line))) faults.add('BAD_CONTENT_LENGTH');
  const lengths = values(fields, 'content-length');
  if (lengths.length > 1) faults.add('REPEATED_CONTENT_LENGTH');
  if (lengths.some((value) => !/^\d{1,16}$/.test(value) || BigInt(value) >= 2n ** 53n))
    faults.add('BAD_CONTENT_LENGTH');

  const codings = values(fields, 'transfer-encoding');
  const isRepeated = codings.length > 1;
  const isChunked = codings.length > 0 && codings.every((value) => value.toLowerCase() === 'chunked');
  const isIdentity = !isRepeated && codings.some((value) => /^(?:identity)?$/i.test(value));
  const hasTab = lines.some((line) => /^transfer-encoding:.*\t/i.test(line));
  if (hasTab) faults.add('BAD_TRANSFER_ENCODING');
  if (isRepeated && (!isChunked || hasTab)) faults.add('REPEATED_TRANSFER_ENCODING');
  for (const value of codings) {
    const elements = value.toLowerCase().split(/ *, */);
    if (isIdentity || (elements.length === 1 && elements[0] === 'chunked')) continue;
    const last = elements.pop();
    const isKnownToEnd = last === 'chunked' && elements.length > 0;
    const isUnknown = elements.every((element) => /^[^\s]+$/.test(element) && element !== 'chunked');
    faults.add(isKnownToEnd && isUnknown ? 'UNSUPPORTED_TRANSFER_CODING' : 'BAD_TRANSFER_ENCODING');
  }
  if (codings.length > 0 && lengths.length > 0) faults.add('CONTENT_LENGTH_WITH_TRANSFER_ENCODING');

  const options = values(fields, 'connection')
    .flatMap((value) => value.split(','))
    .map((option) => option.replace(/^[ \t]+|[ \t]+$/g, '').toLowerCase())
    .filter((option) => option !== '');
  const odd = options.filter((option) => !TOKEN.test(option));
  const oddNames = odd.flatMap((option) => option.match(/[!#$%&'*+\-.^_`|~0-9A-Za-z]+/g) ?? []);
  if (options.length + oddNames.length > 32) faults.add('BAD_CONNECTION');
  const upgrades = values(fields, 'upgrade');
  const isUpgrade = minorVersion === 1 && options.includes('upgrade') && upgrades.length === 1;
  const steering = ['close', 'keep-alive', 'upgrade', 'te', 'transfer-encoding', 'content-length', 'host'];
  return {
    length: lengths.length === 0 ? -1 : Number(lengths[0]),
    isChunked,
    oddCoding: isRepeated ? 'REPEATED_TRANSFER_ENCODING' : isIdentity ? 'BAD_TRANSFER_ENCODING' : null,
    persists: !options.includes('close') && (minorVersion === 1 || options.includes('keep-alive')),
    upgrade: isUpgrade && upgrades[0].toLowerCase() === 'websocket' ? 'websocket' : '',
    otherUpgrade: isUpgrade && isOtherProtocol(upgrades[0]) ? upgrades[0] : '',
    options: [...new Set(options)].filter((option) => TOKEN.test(option) && !steering.includes(option)),
    isOdd: odd.length > 0,
    oddNames,
  };
}
