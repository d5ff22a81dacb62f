/** One thing that is wrong with a request: `pointer` is the JSON pointer of a field, such as `/ingress/port`. */
export interface FieldProblem {
  readonly pointer: string;
  readonly message: string;
}

/** Why a call failed: a problem of the API (RFC 9457), or that no answer came. */
export class ApiProblem extends Error {
  override readonly name = 'ApiProblem';

  private constructor(
    /** Of the error catalogue, or `offline`. */
    readonly code: string,
    /** 0 when no answer came. */
    readonly status: number,
    readonly title: string,
    /** A sentence for people, if there is more to say. */
    readonly detail: string | null,
    readonly fields: readonly FieldProblem[],
    /** Finds the request in the server's log. */
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
      text('title') ?? `The server answered ${response.status}`,
      text('detail'),
      Array.isArray(problem['errors']) ? problem['errors'].filter(isFieldProblem) : [],
      response.headers.get('x-request-id'),
    );
  }

  static offline(cause: unknown): ApiProblem {
    return new ApiProblem('offline', 0, 'The server cannot be reached', null, [], null, cause);
  }

  /** Whether trying again may help. */
  get isPassing(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

/** What to show of any error: a title, and a sentence if there is one. */
export function describeError(error: unknown): { title: string; detail: string | null } {
  if (error instanceof ApiProblem) return { title: error.title, detail: sentence(error) };
  return { title: 'Something went wrong here', detail: error instanceof Error ? error.message : null };
}

function sentence({ detail, fields, requestId, status }: ApiProblem): string | null {
  if (fields.length > 0)
    return fields.map(({ pointer, message }) => `${nameOf(pointer)} ${message}.`).join(' ');
  const text = detail === null ? null : `${detail.charAt(0).toUpperCase()}${detail.slice(1)}.`;
  return status >= 500 && requestId !== null
    ? [text, `Request ${requestId}.`].filter(Boolean).join(' ')
    : text;
}

/** `/ingress/port` is `ingress port`; what is wrong with the whole is `It`. */
function nameOf(pointer: string): string {
  return pointer === '' ? 'It' : pointer.slice(1).replaceAll('/', ' ');
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function isFieldProblem(value: unknown): value is FieldProblem {
  return isObject(value) && typeof value['pointer'] === 'string' && typeof value['message'] === 'string';
}
