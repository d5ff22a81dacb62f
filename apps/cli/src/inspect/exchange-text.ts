/** Exchanges and their bodies as text for people. */
import type { CapturedBody, Exchange, ExchangeBodies } from '@culvert/contract';
import { decodedBytes, durationOf, textOf } from '@culvert/exchanges';
import { showBytes, showClock } from '../output/readable.js';
import { showDuration } from '../requests/request-log.js';

const MAX_TARGET_LENGTH = 120;
/** Limit of a body on a terminal. JSON and HAR have all that was captured. */
const MAX_TEXT_LENGTH = 4096;

/** `14:03:27  200  GET     /basket  12 ms  3.4 kB  ID` */
export function lineOf(exchange: Exchange): string {
  const { startedAt, status, method, target, state, upgrade, error, notes, bytesOut, replayOf, id } =
    exchange;
  const parts = [
    showClock(startedAt),
    status === null ? '---' : String(status),
    method.slice(0, 20).padEnd(6),
    target.length > MAX_TARGET_LENGTH ? `${target.slice(0, MAX_TARGET_LENGTH - 1)}…` : target,
  ];
  if (state === 'open') parts.push(`${upgrade ?? 'stream'} open`);
  else parts.push(showDuration(durationOf(exchange)), showBytes(bytesOut));
  if (error !== null) parts.push(error);
  if (exchange.visitor.kind === 'replay') parts.push(replayOf === null ? 'replay' : `replay of ${replayOf}`);
  return [...parts, ...notes.map(({ text }) => text), id].join('  ');
}

/** Lines below that line: both heads, the fields that Culvert changed, and the duration of each step. */
export function detailsOf(exchange: Exchange): string[] {
  const { method, target, request, response, changes, status, timings, visitor } = exchange;
  const steps = Object.entries(timings)
    .filter((entry): entry is [string, number] => entry[1] !== null)
    .map(([name, ms]) => `${name.replace(/Ms$/, '')} ${showDuration(ms)}`);
  return [
    `  > ${method} ${target}`,
    ...headLines('>', request),
    ...(response === null ? [] : [`  < ${status ?? ''}`.trimEnd(), ...headLines('<', response)]),
    ...changes.map(({ message, name, value }) => `  ~ ${message} ${name}: ${value ?? '(left out)'}`),
    `  visitor ${visitor.kind} ${visitor.address}; ${steps.join(', ')}`,
  ];
}

/** Lines of the bodies of an exchange. */
export function bodyLines({ id, request, response }: ExchangeBodies): string[] {
  return [...linesOf(id, 'request', request), ...linesOf(id, 'response', response)];
}

function linesOf(id: string, of: string, body: CapturedBody | null): string[] {
  if (body === null || body.bytes === 0) return [];
  const { bytes, isDecoded } = decodedBytes(body);
  const text = isDecoded ? textOf(bytes, body) : null;
  const heading = `  body of the ${of}, ${showBytes(body.bytes)}  ${id}`;
  if (text === null) return [`${heading}  not text`];
  const isCut = body.isTruncated || text.length > MAX_TEXT_LENGTH;
  const lines = text.slice(0, MAX_TEXT_LENGTH).trimEnd().split(/\r?\n/);
  return [heading, ...lines.map((line) => `  | ${line}`), ...(isCut ? ['  | …'] : [])];
}

function headLines(sign: string, { fields, isTruncated }: Exchange['request']): string[] {
  const lines = fields.map(({ name, value }) => `  ${sign} ${name}: ${value}`);
  return isTruncated ? [...lines, `  ${sign} …`] : lines;
}
