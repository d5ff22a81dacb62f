import { texts } from './texts.js';

/** One invalid part of a request: `pointer` is the JSON pointer of a field, such as `/ingress/port`. */
export interface FieldProblem {
  readonly pointer: string;
  readonly message: string;
}

/** Reason why a call failed: a problem of the API (RFC 9457), or no response. */
export class ApiProblem extends Error {
  override readonly name = 'ApiProblem';

  private constructor(
    /** Code of the error catalog, or `offline`. */
    readonly code: string,
    /** HTTP status; 0 if there was no response. */
    readonly status: number,
    readonly title: string,
    /** A sentence for people, if there is more than the title. */
    readonly detail: string | null,
    readonly fields: readonly FieldProblem[],
    /** ID of the request in the server's log. */
    readonly requestId: string | null,
    cause?: unknown,
  ) {
    super(detail ?? title, { cause });
  }

  static from(response: Response, body: unknown): ApiProblem {
    const problem = isObject(body) ? body : {};
    const text = (name: string): string | null => {
      const value = problem[name];
      return typeof value === 'string' && value !== '' ? value : null;
    };
    return new ApiProblem(
      text('code') ?? 'unknown',
      response.status,
      text('title') ?? texts.problem.status(response.status),
      text('detail'),
      Array.isArray(problem['errors']) ? problem['errors'].filter(isFieldProblem) : [],
      response.headers.get('x-request-id'),
    );
  }

  static offline(cause: unknown): ApiProblem {
    return new ApiProblem('offline', 0, texts.problem.offline, null, [], null, cause);
  }

  /** Whether trying again may help. */
  get isPassing(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

/** Returns what to show for any error: a title, and a sentence if there is one. */
export function describeError(error: unknown): { title: string; detail: string | null } {
  if (error instanceof ApiProblem) return { title: error.title, detail: sentence(error) };
  return {
    title: texts.problem.failedHere,
    detail: error instanceof Error ? error.message : null,
  };
}

function sentence({ detail, fields, requestId, status }: ApiProblem): string | null {
  if (fields.length > 0)
    return fields.map(({ pointer, message }) => `${nameOf(pointer)} ${message}.`).join(' ');
  // Details of relayed errors end with a period already.
  const text =
    detail === null ? null : `${detail.charAt(0).toUpperCase()}${detail.slice(1).replace(/\.$/, '')}.`;
  return status >= 500 && requestId !== null
    ? [text, texts.problem.request(requestId)].filter(Boolean).join(' ')
    : text;
}

/** Returns the name of a field: `/ingress/port` is `ingress port`; the whole request is `It`. */
function nameOf(pointer: string): string {
  return pointer === '' ? texts.problem.it : pointer.slice(1).replaceAll('/', ' ');
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function isFieldProblem(value: unknown): value is FieldProblem {
  return isObject(value) && typeof value['pointer'] === 'string' && typeof value['message'] === 'string';
}
