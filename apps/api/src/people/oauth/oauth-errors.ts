import { TokenError } from './token-request.js';

/** RFC 6749 §5.2. */
export interface OAuthErrorBody {
  readonly error: string;
  readonly error_description: string;
}

/** The part of a response that an error is written to. */
interface ErrorTarget {
  status(code: number): unknown;
  setHeader(name: string, value: string): unknown;
}

/** Returns the parameters of a form; none for any other body. */
export function formOf(body: unknown): Record<string, unknown> {
  return typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {};
}

/** Sends a TokenError in the format of RFC 6749 §5.2. */
export async function sayErrors<T>(
  response: ErrorTarget,
  answer: () => Promise<T>,
): Promise<T | OAuthErrorBody> {
  try {
    return await answer();
  } catch (error) {
    if (!(error instanceof TokenError)) throw error;
    response.status(error.code === 'invalid_client' ? 401 : 400);
    if (error.code === 'invalid_client') response.setHeader('WWW-Authenticate', 'Basic realm="culvert"');
    return { error: error.code, error_description: error.description };
  }
}
