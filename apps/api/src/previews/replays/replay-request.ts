import {
  type CreateReplayRequest,
  type Exchange,
  type ExchangeBodies,
  ProblemError,
} from '@culvert/contract';

/** Request that an edge sends. */
export interface ComposedRequest {
  readonly method: string;
  readonly target: string;
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer;
}

/** An exchange as edges hold it, without its secrets. */
export interface RecordedExchange {
  readonly exchange: Exchange;
  /** Bodies; null: none were captured. */
  readonly bodies: ExchangeBodies | null;
}

/** Matches a target in which a secret was replaced, or that was too long to be held. */
const INCOMPLETE_TARGET = /\*\*\*|[^\x21-\x7e\x80-\xff]/;

/** Reports whether the request leaves out something that must be taken from the exchange that it names. */
export function needsExchange({ exchangeId, method, target, headers, body }: CreateReplayRequest): boolean {
  if (exchangeId === undefined) return false;
  return [method, target, headers, body].includes(undefined);
}

/**
 * Returns the request, completed with parts of the exchange that it repeats. Masked values are never guessed or taken
 * from elsewhere.
 * @throws ProblemError if a part is missing in both
 */
export function composeReplay(
  request: CreateReplayRequest,
  recorded: RecordedExchange | null,
): ComposedRequest {
  const exchange = recorded?.exchange ?? null;
  if (exchange !== null && exchange.upgrade !== null)
    throw notRepeatable('it switched to another protocol, which cannot be repeated');
  return {
    method: request.method ?? exchange?.method ?? '',
    target: request.target ?? (exchange === null ? '' : targetOf(exchange)),
    fields: request.headers?.map(({ name, value }) => [name, value]) ?? fieldsOf(exchange),
    body: givenBody(request) ?? (recorded === null ? Buffer.alloc(0) : bodyOf(recorded)),
  };
}

export function notRepeatable(detail: string): ProblemError {
  return new ProblemError('exchange_not_repeatable', { detail });
}

function targetOf({ target }: Exchange): string {
  if (INCOMPLETE_TARGET.test(target))
    throw notRepeatable(
      'its path contains a secret that was masked, or was too long to be held: send target in the request',
    );
  return target;
}

function fieldsOf(exchange: Exchange | null): ComposedRequest['fields'] {
  if (exchange === null) return [];
  const { fields, isTruncated } = exchange.request;
  if (isTruncated)
    throw notRepeatable('its headers were too long to be held completely: send headers in the request');
  return fields.filter(({ isMasked }) => !isMasked).map(({ name, value }) => [name, value]);
}

function givenBody({ body }: CreateReplayRequest): Buffer | null {
  if (body === undefined) return null;
  return body.text === undefined ? Buffer.from(body.base64 ?? '', 'base64') : Buffer.from(body.text);
}

function bodyOf({ exchange, bodies }: RecordedExchange): Buffer {
  const captured = bodies?.request ?? null;
  if (captured === null) {
    if (mayHaveHadBody(exchange))
      throw notRepeatable(
        'its body was not captured: send body in the request, or turn on capturing before the exchange',
      );
    return Buffer.alloc(0);
  }
  if (captured.isMasked === true)
    throw notRepeatable('values in its body were masked, or it was not kept: send body in the request');
  if (captured.isTruncated)
    throw notRepeatable('its body was too long to be captured completely: send body in the request');
  return Buffer.from(captured.base64, 'base64');
}

function mayHaveHadBody({ request: { fields, isTruncated } }: Exchange): boolean {
  return (
    isTruncated ||
    fields.some(({ name, value }) => {
      const lower = name.toLowerCase();
      return lower === 'transfer-encoding' || (lower === 'content-length' && Number(value) !== 0);
    })
  );
}
