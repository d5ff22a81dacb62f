import {
  type CreateReplayRequest,
  type Exchange,
  type ExchangeBodies,
  ProblemError,
} from '@culvert/contract';

/** What an edge is to send. */
export interface ComposedRequest {
  readonly method: string;
  readonly target: string;
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer;
}

/** An exchange as edges hold it: without its secrets. */
export interface RecordedExchange {
  readonly exchange: Exchange;
  /** Null: none were captured. */
  readonly bodies: ExchangeBodies | null;
}

/** What stands in a target in the place of a secret, and behind one that was too long to be held. */
const INCOMPLETE_TARGET = /\*\*\*|[^\x21-\x7e\x80-\xff]/;

/** Whether the request leaves something to be taken from the exchange that it names. */
export function needsExchange({ exchangeId, method, target, headers, body }: CreateReplayRequest): boolean {
  if (exchangeId === undefined) return false;
  return [method, target, headers, body].includes(undefined);
}

/**
 * What was asked for, filled up with what is known of the exchange that it repeats. Nothing that was masked is ever
 * guessed or taken from elsewhere.
 * @throws ProblemError when something is missing that the request does not give
 */
export function composeReplay(
  request: CreateReplayRequest,
  recorded: RecordedExchange | null,
): ComposedRequest {
  const exchange = recorded?.exchange ?? null;
  if (exchange !== null && exchange.upgrade !== null)
    throw notRepeatable('it asked for another protocol, which cannot be repeated');
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
    throw notRepeatable('its path holds a secret that was masked, or was too long to be held: give target');
  return target;
}

function fieldsOf(exchange: Exchange | null): ComposedRequest['fields'] {
  if (exchange === null) return [];
  const { fields, isTruncated } = exchange.request;
  if (isTruncated) throw notRepeatable('its headers were too long to be held whole: give headers');
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
      throw notRepeatable('its body was not captured: give body, or switch capturing on before it comes');
    return Buffer.alloc(0);
  }
  if (captured.isTruncated) throw notRepeatable('its body was too long to be captured whole: give body');
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
