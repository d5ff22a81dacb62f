/** Calls of Culvert's REST API by the id of the operation, typed by the contract. */
import { problemResource, ROUTES, type OperationId } from '@culvert/contract';
import type { z } from 'zod';
import type { Credential } from './credential.js';
import type { ApiFailure, Problem } from './failure.js';
import { read, ReadError } from './read.js';
import type { ApiResponse, ApiTransport } from './transport.js';
import type {
  CallArguments,
  CallInput,
  Part,
  Read,
  ResponseOf,
  SilentOperationId,
  StreamedOperationId,
} from './types.js';

/**
 * The operations that a program calls, each with the schema by which it reads the response: the contract's, or that schema
 * without the fields that older servers lack and the program does not need. Only these schemas are in its bundle.
 * Operations that are answered without a body need no entry.
 */
export type ApiReadings = { readonly [Id in OperationId]?: z.ZodType<Part<ResponseOf<Id>>> };

export interface ApiClientOptions<Readings extends ApiReadings> {
  /** `http:` or `https:` address of the deployment, with a path where Culvert is below one. */
  readonly url: string;
  readonly http: ApiTransport;
  readonly credential: Credential;
  readonly readings: Readings;
  /** Converts a failure to the program's own error. */
  readonly toError: (failure: ApiFailure) => Error;
  /** Time limit for one request and its response, body included. */
  readonly timeoutMs: number;
  /** Limit for the body of one response. */
  readonly maxResponseBytes: number;
  /** Limit for a list, all its pages together. Default: a million. */
  readonly maxItems?: number;
  readonly userAgent?: string;
  /** Ends calls under way, which then reject with its reason. */
  readonly signal?: AbortSignal;
}

/** Items of one page: the most that a server returns. */
const PAGE_SIZE = 200;
const DEFAULT_MAX_ITEMS = 1_000_000;

type PagedReadings<Readings> = {
  [Id in keyof Readings]: Readings[Id] extends z.ZodType<{
    items: readonly unknown[];
    nextCursor: string | null;
  }>
    ? Id
    : never;
}[keyof Readings];

type Answer<Readings, Id> = Id extends keyof Readings
  ? Readings[Id] extends z.ZodType
    ? Read<z.output<Readings[Id]>>
    : never
  : void;

type Item<Readings, Id extends keyof Readings> =
  Readings[Id] extends z.ZodType<{ items: (infer Each)[] }> ? Read<Each> : never;

/** The shape of every input. The route tells which names are parameters of the path. */
interface AnyInput {
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  readonly body?: object;
  readonly [parameter: string]: unknown;
}

interface Call {
  /** For messages: without the query, which may hold what people search for. */
  readonly name: string;
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  readonly body: object | undefined;
  readonly accept?: string;
  readonly onData?: ((part: Uint8Array) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number;
}

export interface StreamOptions {
  readonly onData: (part: Uint8Array) => void;
  /** Ends the stream, which then rejects with its reason. */
  readonly signal?: AbortSignal | undefined;
  /** Limit for each wait, for the head and between two parts. Default: the time limit of the client. */
  readonly idleMs?: number;
}

export class ApiClient<Readings extends ApiReadings> {
  constructor(private readonly options: ApiClientOptions<Readings>) {}

  /** Resolves with the response. Rejects with the program's error for the failure. */
  async call<Id extends (keyof Readings & OperationId) | SilentOperationId>(
    id: Id,
    ...[input]: CallArguments<Id>
  ): Promise<Answer<Readings, Id>> {
    return (await this.request(id, input)) as Answer<Readings, Id>;
  }

  /** Returns the items of all pages of a list. Rejects as `call` does, and for more items than its limit. */
  async list<Id extends PagedReadings<Readings> & OperationId>(
    id: Id,
    ...[input]: CallArguments<Id>
  ): Promise<Item<Readings, Id>[]> {
    const { query, ...parameters } = (input ?? {}) as AnyInput;
    const { maxItems = DEFAULT_MAX_ITEMS } = this.options;
    const items: unknown[] = [];
    let cursor: string | undefined;
    do {
      const page = (await this.request(id, {
        ...parameters,
        query: { ...query, limit: PAGE_SIZE, cursor },
      })) as { readonly items: readonly unknown[]; readonly nextCursor: string | null };
      for (const item of page.items) items.push(item);
      cursor = page.nextCursor ?? undefined;
      if (items.length > maxItems) {
        const cause = new ReadError([], `has more than ${maxItems} items`);
        const failure = { call: `GET ${ROUTES[id].path}`, status: 200, location: null, cause };
        throw this.options.toError({ kind: 'not-culvert', ...failure });
      }
    } while (cursor !== undefined);
    return items as Item<Readings, Id>[];
  }

  /**
   * Hands the parts of a response that is not JSON to a receiver as they arrive. Resolves when the response is complete; rejects as
   * `call` does, with the reason of the signal, and with an error that the receiver throws.
   */
  async stream<Id extends StreamedOperationId>(
    id: Id,
    input: CallInput<Id>,
    { onData, signal, idleMs = this.options.timeoutMs }: StreamOptions,
  ): Promise<void> {
    const call = callOf(id, input);
    const response = await this.exchange({ ...call, accept: '*/*', onData, signal, timeoutMs: idleMs });
    this.readAnswer(call.name, undefined, response);
  }

  private async request(id: OperationId, input: AnyInput = {}): Promise<unknown> {
    const call = callOf(id, input);
    return this.readAnswer(call.name, this.options.readings[id], await this.exchange(call));
  }

  /** Sends a request, and again with a renewed secret if the first one is not accepted. */
  private async exchange(call: Call): Promise<ApiResponse> {
    const { credential } = this.options;
    const secret = await credential.secret();
    const response = await this.send(call, secret);
    if (response.status !== 401 || !(await credential.renew(secret))) return response;
    return this.send(call, await credential.secret());
  }

  private async send({ name, method, target, body, ...call }: Call, secret: string): Promise<ApiResponse> {
    const { url, http, maxResponseBytes, userAgent, toError } = this.options;
    const { accept = 'application/json', onData, timeoutMs = this.options.timeoutMs } = call;
    const signals = [this.options.signal, call.signal].filter((each) => each !== undefined);
    const signal = signals.length > 1 ? AbortSignal.any(signals) : signals[0];
    let thrown: { readonly error: unknown } | undefined;
    try {
      return await http.send({
        url: url.replace(/\/+$/, '') + target,
        method,
        headers: {
          authorization: `Bearer ${secret}`,
          accept,
          ...(userAgent !== undefined && { 'user-agent': userAgent }),
          ...(body && { 'content-type': 'application/json' }),
        },
        ...(body && { body: JSON.stringify(body) }),
        maxRedirects: 0,
        signal,
        timeoutMs,
        maxResponseBytes,
        onData:
          onData &&
          ((part) => {
            try {
              onData(part);
            } catch (error) {
              thrown = { error };
              throw error;
            }
          }),
      });
    } catch (cause) {
      if (thrown) throw thrown.error;
      if (signal?.aborted) throw signal.reason;
      throw toError({ kind: 'no-response', call: name, cause });
    }
  }

  private readAnswer(call: string, reading: z.ZodType | undefined, response: ApiResponse): unknown {
    const { status, text, headers } = response;
    const location = headers['location'] ?? null;
    const isSuccess = status >= 200 && status < 300;
    if (isSuccess && reading === undefined) return undefined;
    let problem: Problem;
    try {
      if (!isSuccess && status < 400) throw new ReadError([], 'is a redirect');
      const value = parseJson(text);
      if (isSuccess) return read(reading!, value);
      problem = read(problemResource, value);
    } catch (cause) {
      if (!(cause instanceof ReadError)) throw cause;
      throw this.options.toError({ kind: 'not-culvert', call, status, location, cause });
    }
    const retryAfterSeconds = secondsOf(response);
    throw this.options.toError({ kind: 'problem', call, status, problem, retryAfterSeconds });
  }
}

function callOf(id: OperationId, { body, query, ...parameters }: AnyInput): Call {
  const method = ROUTES[id].method.toUpperCase();
  const path = pathOf(id, parameters);
  return { name: `${method} ${path}`, method, target: path + searchOf(query), body };
}

/** @throws TypeError for a path whose parameter is missing: only the types prevent that */
function pathOf(id: OperationId, parameters: Readonly<Record<string, unknown>>): string {
  return ROUTES[id].path.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const value = parameters[name];
    if (typeof value !== 'string') throw new TypeError(`${id} needs ${name}`);
    return encodeURIComponent(value);
  });
}

function searchOf(query: AnyInput['query'] = {}): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) search.set(name, String(value));
  }
  return search.size === 0 ? '' : `?${search.toString()}`;
}

function secondsOf({ headers }: ApiResponse): number | null {
  const { 'retry-after': retryAfter } = headers;
  return retryAfter !== undefined && /^\d{1,9}$/.test(retryAfter) ? Number(retryAfter) : null;
}

/** @throws ReadError when it is not JSON. The text stays out of the error: it may hold secrets. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new ReadError([], 'is not JSON');
  }
}
