/** A request as a person edits it before a replay. */
import type { CapturedBody, Exchange, ExchangeBodies, ReplayRequest } from '../../api/exchanges.js';
import { ownFields } from './curl.js';
import { texts } from './texts.js';

export interface ReplayDraft {
  readonly method: string;
  readonly target: string;
  /** One field per line. */
  readonly headers: string;
  readonly body: string;
}

/** Notes on a draft that cannot contain all of its exchange. */
export interface DraftNotes {
  /** Names of fields whose values only the sender knows. */
  readonly masked: readonly string[];
  readonly body: 'whole' | 'binary' | 'missing';
}

export interface Drafted {
  readonly draft: ReplayDraft;
  readonly notes: DraftNotes;
}

/** Replacement for a secret. */
const MASK = '***';

const SAFE = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Reports whether a method changes nothing (RFC 9110 §9.2.1). */
export function isSafe(method: string): boolean {
  return SAFE.has(method);
}

export function draftOf(exchange: Exchange, bodies: ExchangeBodies | undefined): Drafted {
  const { sent, masked } = ownFields(exchange);
  const captured = bodies?.request ?? null;
  const text = captured === null ? null : textOf(captured);
  return {
    draft: {
      method: exchange.method,
      target: exchange.target,
      headers: sent.map(({ name, value }) => `${name}: ${value}`).join('\n'),
      body: text ?? '',
    },
    notes: { masked, body: text !== null ? 'whole' : bodyState(exchange, captured) },
  };
}

/** Returns the request to send, or what is wrong with one of the fields. */
export function requestOf(
  exchangeId: string,
  draft: ReplayDraft,
  notes: DraftNotes,
): { readonly request: ReplayRequest } | { readonly field: keyof ReplayDraft; readonly problem: string } {
  const target = draft.target.trim();
  if (!target.startsWith('/')) return { field: 'target', problem: texts.replayDraft.badPath };
  if (target.includes(MASK)) return { field: 'target', problem: texts.replayDraft.maskedValue(MASK) };
  const headers: { name: string; value: string }[] = [];
  for (const [index, line] of draft.headers.split('\n').entries()) {
    if (line.trim() === '') continue;
    const colon = line.indexOf(':');
    if (colon < 1) return { field: 'headers', problem: texts.replayDraft.badLine(index + 1) };
    headers.push({ name: line.slice(0, colon).trim(), value: line.slice(colon + 1).trim() });
  }
  // Empty: a body that is not text is sent unchanged.
  const keepsBody = notes.body === 'binary' && draft.body === '';
  return {
    request: {
      exchangeId,
      method: draft.method.trim(),
      target,
      headers,
      ...(keepsBody ? {} : { body: { text: draft.body } }),
    },
  };
}

/** Returns the body that was sent for `request`, in the format of a captured one; null: none. */
export function sentBody(request: ReplayRequest, bodies: ExchangeBodies | undefined): CapturedBody | null {
  const text = request.body?.text;
  if (text === undefined) return bodies?.request ?? null;
  if (text === '') return null;
  const bytes = new TextEncoder().encode(text);
  let binary = '';
  for (const byte of bytes) binary += String.fromCodePoint(byte);
  return {
    base64: btoa(binary),
    bytes: bytes.length,
    isTruncated: false,
    contentType: request.headers?.find(({ name }) => name.toLowerCase() === 'content-type')?.value ?? null,
    contentEncoding: null,
  };
}

function bodyState({ request }: Exchange, captured: CapturedBody | null): DraftNotes['body'] {
  if (captured !== null) return captured.isTruncated ? 'missing' : 'binary';
  const hasHadOne = request.fields.some(
    ({ name, value }) =>
      /^transfer-encoding$/i.test(name) || (/^content-length$/i.test(name) && Number(value) > 0),
  );
  return hasHadOne || request.isTruncated ? 'missing' : 'whole';
}

/** Null if it is not text, or incomplete. */
function textOf({ base64, isTruncated, contentEncoding }: CapturedBody): string | null {
  if (isTruncated || !['', 'identity'].includes(contentEncoding ?? '')) return null;
  try {
    const bytes = Uint8Array.from(atob(base64), (character) => character.codePointAt(0) ?? 0);
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}
