// Properties of every input, however hostile. Each check throws an AssertionError if one does not hold.
import assert from 'node:assert/strict';
import { ChunkedScanner } from '../chunked-scanner.js';
import type { HttpSyntaxCode } from '../errors.js';
import { HttpSyntaxError } from '../errors.js';
import type { Fields } from '../fields.js';
import { HeadReader } from '../head-reader.js';
import type { ChunkedLimits, HeadLimits } from '../limits.js';
import type { MessageHead } from '../message-head.js';
import { Framing } from '../message-head.js';
import { oddityCodes } from '../oddity.js';
import type { RequestHead } from '../request-head.js';
import { parseRequestHead } from '../request-head.js';
import { parseResponseHead, ResponseHead } from '../response-head.js';
import { plainChunked } from './plain-chunked.js';
import type { Plain, PlainRequest, PlainResponse } from './plain-head.js';
import { plainRequest, plainResponse } from './plain-head.js';
import type { PlainField } from './plain-lines.js';
import { Random, seedOf } from './random.js';

/** The outcome of an input, for counting. */
export type Verdict = 'accepted' | 'incomplete' | HttpSyntaxCode;

type Outcome<T> =
  | { readonly kind: 'incomplete'; readonly isPartial: boolean }
  | { readonly kind: 'refused'; readonly code: HttpSyntaxCode }
  | { readonly kind: 'head'; readonly end: number; readonly head: T };

/** Returns pieces of `text`: whole, one byte each, and split at places that depend on the text alone. */
export function cuts(text: string): Buffer[][] {
  const bytes = Buffer.from(text, 'latin1');
  const random = new Random(seedOf(text));
  const singles = Array.from(bytes, (_, i) => bytes.subarray(i, i + 1));
  return [[bytes], singles, cutAtRandom(bytes, random), cutAtRandom(bytes, random)];
}

function cutAtRandom(bytes: Buffer, random: Random): Buffer[] {
  const pieces: Buffer[] = [];
  const mostBytes = random.pick([3, 20, 200]);
  let from = 0;
  while (from < bytes.length) {
    const to = Math.min(bytes.length, from + 1 + random.below(mostBytes));
    pieces.push(bytes.subarray(from, to));
    from = to;
  }
  return pieces;
}

// Bytes before `offset` belong to something else and must not be read: these would be mistaken most easily.
const BEFORE = Buffer.from('\r\nHTTP/');

/** Feeds `pieces` to a new reader, each behind other bytes, and parses the head once it is complete. */
function readHead<T extends MessageHead>(
  pieces: readonly Buffer[],
  reader: HeadReader,
  parse: (buffer: Buffer, start: number, end: number) => T,
): Outcome<T> {
  let consumed = 0;
  try {
    for (const piece of pieces) {
      const chunk = Buffer.concat([BEFORE, piece]);
      const end = reader.push(chunk, BEFORE.length);
      if (end !== -1) {
        const head = parse(reader.buffer, reader.start, reader.end);
        assert.equal(reader.isPartial, false);
        const surplus = head instanceof ResponseHead ? head.surplus : 0;
        return { kind: 'head', end: consumed + end - surplus - BEFORE.length, head };
      }
      consumed += piece.length;
    }
  } catch (error) {
    if (error instanceof HttpSyntaxError) return { kind: 'refused', code: error.code };
    throw error;
  }
  return { kind: 'incomplete', isPartial: reader.isPartial };
}

export function checkRequest(text: string, limits: HeadLimits): Verdict {
  const parse = (buffer: Buffer, start: number, end: number) => parseRequestHead(buffer, start, end, limits);
  return checkHead(
    text,
    (pieces) => readHead(pieces, new HeadReader(limits, 'request'), parse),
    describeRequest,
    plainRequest(text, limits),
    (head) => `${head.method} ${head.target} HTTP/1.${head.minorVersion}`,
  );
}

export function checkResponse(text: string, limits: HeadLimits, requestMethod: string): Verdict {
  const parse = (buffer: Buffer, start: number, end: number) =>
    parseResponseHead(buffer, start, end, limits, requestMethod);
  return checkHead(
    text,
    (pieces) => readHead(pieces, new HeadReader(limits, 'response'), parse),
    describeResponse,
    plainResponse(text, limits, requestMethod),
    (head) => `HTTP/1.${head.minorVersion} ${head.status} ${head.reason}`,
  );
}

function checkHead<T extends MessageHead, P extends PlainRequest | PlainResponse>(
  text: string,
  read: (pieces: readonly Buffer[]) => Outcome<T>,
  describe: (head: T) => P,
  expected: Plain<P>,
  startLine: (head: T) => string,
): Verdict {
  const describeOutcome = (outcome: Outcome<T>) =>
    outcome.kind === 'head' ? { ...outcome, head: describe(outcome.head) } : outcome;
  const [whole, ...inPieces] = cuts(text);
  const outcome = read([...whole]);
  for (const pieces of inPieces) {
    assert.deepEqual(
      describeOutcome(read(pieces)),
      describeOutcome(outcome),
      'cutting the input changes the outcome',
    );
  }
  if (outcome.kind === 'refused') {
    assert.equal(expected.kind, 'refused', `refused with ${outcome.code}, but the plain twin accepts`);
    assert(
      expected.kind === 'refused' && expected.faults.has(outcome.code),
      `the plain twin finds no ${outcome.code}`,
    );
    return outcome.code;
  }
  if (outcome.kind === 'incomplete') {
    assert.equal(expected.kind, 'incomplete', 'waits for more, but the plain twin does not');
    return 'incomplete';
  }
  const { end, head } = outcome;
  assert.deepEqual(
    { kind: 'head', end, head: describe(head) },
    expected,
    'the plain twin reads it differently',
  );
  checkFields(head);
  const rewritten = [
    startLine(head),
    ...describe(head).fields.map(({ name, value }) => `${name}: ${value}`),
    '',
    '',
  ].join('\r\n');
  const again = read([Buffer.from(rewritten, 'latin1')]);
  assert(again.kind === 'head', 'what was accepted is refused when written anew');
  assert.deepEqual(
    withCrlf(describe(again.head)),
    withCrlf(describe(head)),
    'accepted input reads differently when rewritten',
  );
  return 'accepted';
}

/** Removes the effect of bare LFs, which become CRLFs when rewritten. */
function withCrlf<P extends PlainRequest | PlainResponse>(described: P): P {
  if (!('oddities' in described)) return described;
  const oddities = described.oddities.filter((code) => code !== 'BARE_LF');
  return { ...described, oddities, keepAlive: false };
}

/** Checks that the accessors of `Fields` agree with each other. */
function checkFields(fields: Fields): void {
  for (let i = 0; i < fields.count; i++) {
    const line = fields.text.slice(fields.lineStart(i), fields.lineEnd(i));
    assert(line.startsWith(`${fields.name(i)}:`) && line.endsWith('\r\n'));
    assert.equal(line.slice(fields.name(i).length + 1, -2).replace(/^[ \t]+|[ \t]+$/g, ''), fields.value(i));
    assert.equal(fields.text.slice(fields.valueStart(i), fields.valueEnd(i)), fields.value(i));
    assert(fields.colonEnd(i) <= fields.valueStart(i) && fields.valueStart(i) <= fields.valueEnd(i));
    assert(fields.isNamed(i, fields.name(i).toLowerCase()));
    assert(!fields.isNamed(i, `${fields.name(i).toLowerCase()}x`));
    const first = fields.find(fields.id(i));
    assert(first !== -1 && first <= i);
    if (i > 0) assert.equal(fields.lineStart(i), fields.lineEnd(i - 1));
  }
  if (fields.count > 0) assert.equal(fields.lineEnd(fields.count - 1), fields.text.length - 2);
}

const FRAMING_NAMES = {
  [Framing.NONE]: 'none',
  [Framing.LENGTH]: 'length',
  [Framing.CHUNKED]: 'chunked',
  [Framing.UNTIL_CLOSE]: 'until-close',
} as const;

export function describeRequest(head: RequestHead): PlainRequest {
  const {
    minorVersion,
    method,
    target,
    host,
    contentLength,
    keepAlive,
    upgrade,
    otherUpgrade,
    expectContinue,
    connectionOptions,
  } = head;
  const framing = FRAMING_NAMES[head.framing];
  return {
    minorVersion,
    method,
    target,
    host,
    framing,
    contentLength,
    keepAlive,
    upgrade,
    otherUpgrade,
    expectContinue,
    connectionOptions,
    fields: list(head),
  };
}

export function describeResponse(head: ResponseHead): PlainResponse {
  const { minorVersion, status, reason, contentLength, keepAlive, upgrade, otherUpgrade, connectionOptions } =
    head;
  const framing = FRAMING_NAMES[head.framing];
  const { isBodyless } = head;
  const oddities = oddityCodes(head.oddities);
  return {
    minorVersion,
    status,
    reason,
    framing,
    contentLength,
    keepAlive,
    upgrade,
    otherUpgrade,
    isBodyless,
    oddities,
    connectionOptions,
    fields: list(head),
  };
}

/** Returns all fields as name and value. */
export function list(fields: Fields | null): PlainField[] {
  return Array.from({ length: fields?.count ?? 0 }, (_, i) => ({
    name: fields!.name(i),
    value: fields!.value(i),
  }));
}

interface ScannedBody {
  readonly kind: 'incomplete' | 'complete';
  readonly output: string;
  readonly end: number;
  readonly trailers: readonly PlainField[];
}

/** Feeds `pieces` to a new scanner. */
export function scanBody(
  pieces: readonly Buffer[],
  output: 'decoded' | 'encoded',
  limits: ChunkedLimits,
): ScannedBody | { readonly kind: 'refused'; readonly code: HttpSyntaxCode } {
  const scanner = new ChunkedScanner(output, limits);
  const ranges: Buffer[] = [];
  let consumed = 0;
  try {
    for (const piece of pieces) {
      if (scanner.done) break;
      const chunk = Buffer.concat([BEFORE, piece]);
      const end = scanner.scan(chunk, BEFORE.length, (buffer, from, to) => {
        assert(from < to && to <= buffer.length && (buffer !== chunk || from >= BEFORE.length));
        ranges.push(Buffer.from(buffer.subarray(from, to)));
      });
      assert(scanner.done || end === chunk.length);
      consumed += end - BEFORE.length;
    }
  } catch (error) {
    if (error instanceof HttpSyntaxError) return { kind: 'refused', code: error.code };
    throw error;
  }
  const text = Buffer.concat(ranges).toString('latin1');
  return {
    kind: scanner.done ? 'complete' : 'incomplete',
    output: text,
    end: consumed,
    trailers: list(scanner.trailers),
  };
}

export function checkChunked(text: string, limits: ChunkedLimits): Verdict {
  const [whole, ...inPieces] = cuts(text);
  const decoded = scanBody(whole, 'decoded', limits);
  const encoded = scanBody(whole, 'encoded', limits);
  for (const pieces of inPieces) {
    assert.deepEqual(scanBody(pieces, 'decoded', limits), decoded, 'cutting the input changes the outcome');
    const { output, ...outcome } = { output: '', ...scanBody(pieces, 'encoded', limits) };
    const { output: wholeOutput, ...wholeOutcome } = { output: '', ...encoded };
    assert.deepEqual(outcome, wholeOutcome, 'cutting the input changes the outcome');
    // Chunk sizes may be written differently, in upper or lower case, but the chunks stay.
    if (encoded.kind === 'complete') assert.equal(output.toLowerCase(), wholeOutput.toLowerCase());
  }
  const expected = plainChunked(text, limits);
  assert.deepEqual(
    [decoded.kind, encoded.kind],
    [expected.kind, expected.kind],
    'the plain twin decides differently',
  );
  if (decoded.kind === 'refused') {
    assert.deepEqual(encoded, decoded, 'encoded output is refused differently');
    return decoded.code;
  }
  assert(encoded.kind !== 'refused' && expected.kind !== 'refused');
  assert.equal(decoded.output, expected.payload, 'the plain twin decodes differently');
  if (expected.kind === 'complete') {
    assert.equal(decoded.end, expected.end);
    assert.equal(encoded.end, expected.end);
    assert.deepEqual(decoded.trailers, expected.trailers);
  }
  const isComplete = expected.kind === 'complete';
  const strict: ChunkedLimits = { maxExtensionBytes: 0, maxTrailerBytes: 0, maxTrailerCount: 0 };
  const again = plainChunked(isComplete ? `${encoded.output}0\r\n\r\n` : encoded.output, strict);
  assert.deepEqual(
    again.kind === 'refused' ? again : { kind: again.kind, payload: again.payload },
    { kind: expected.kind, payload: expected.payload },
    'encoded output does not carry the payload',
  );
  return isComplete ? 'accepted' : 'incomplete';
}
