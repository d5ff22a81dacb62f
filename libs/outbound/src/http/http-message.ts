import { validateHeaderName, validateHeaderValue } from 'node:http';
import { HttpError } from './http-error.js';

export interface HttpRequest {
  /** `http:` or `https:`, without a user name or password. */
  readonly url: string | URL;
  /** Default: GET. */
  readonly method?: string | undefined;
  /** Names in any case. The client writes those of the connection itself. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** GET, HEAD and DELETE have none. */
  readonly body?: string | Uint8Array | undefined;
  /** Ends the request, which then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Overrides the client's limit: from the call of `send` to the last byte of the response. */
  readonly timeoutMs?: number | undefined;
  /** Overrides the client's limit for the body of the response. */
  readonly maxResponseBytes?: number | undefined;
  /** Overrides the client's number of redirects to follow. */
  readonly maxRedirects?: number | undefined;
  /**
   * Receives the body of a response with a status of 200 to 299 as it arrives, part by part; the body of the `HttpResponse` is
   * then empty. `timeoutMs` limits the time to the first part and between two parts, and `maxResponseBytes` does not apply. If it
   * throws, the request ends and rejects with that error.
   */
  readonly onData?: ((part: Buffer) => void) | undefined;
  /** Whether a body that is longer than `maxResponseBytes` is cut there instead of refused. The rest is not read. */
  readonly isBodyCut?: boolean | undefined;
  /** Whether `send` resolves when the head of the response has arrived. The body is not read, and is empty in the `HttpResponse`. */
  readonly isHeadOnly?: boolean | undefined;
}

/** A whole response. */
export class HttpResponse {
  constructor(
    readonly status: number,
    /** Names in lower case. Values of repeated fields are joined by `, `, as RFC 9110 §5.3 has it. */
    readonly headers: Readonly<Record<string, string | undefined>>,
    readonly body: Buffer,
    /** Where the response came from, after all redirects. */
    readonly url: URL,
    readonly httpVersion: '1.0' | '1.1' | '2.0',
  ) {}

  /** Whether the status is one of 200 to 299. */
  get isSuccess(): boolean {
    return this.status >= 200 && this.status < 300;
  }

  get text(): string {
    return this.body.toString('utf8');
  }
}

/** A checked request, the same for every protocol. */
export interface CheckedRequest {
  readonly url: URL;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | null;
}

const TOKEN = /^[!#$%&'*+.^_`|~\dA-Za-z-]+$/;
const WITHOUT_BODY: ReadonlySet<string> = new Set(['GET', 'HEAD', 'DELETE']);
/** These belong to the connection, or follow from the URL and the body. */
const OWN_HEADERS: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** @throws HttpError `request`; it never quotes a value, since a URL and a header may hold secrets */
export function checkRequest({ url, method = 'GET', headers = {}, body }: HttpRequest): CheckedRequest {
  const checkedUrl = checkUrl(url);
  if (!TOKEN.test(method) || method.toUpperCase() === 'CONNECT')
    throw new HttpError('request', 'this method cannot be sent');
  const checked: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    const lowerCase = name.toLowerCase();
    if (OWN_HEADERS.has(lowerCase)) throw new HttpError('request', `the client writes ${lowerCase} itself`);
    try {
      validateHeaderName(lowerCase);
      validateHeaderValue(lowerCase, value);
    } catch {
      throw new HttpError(
        'request',
        `the header ${JSON.stringify(lowerCase)} has a character that cannot be sent`,
      );
    }
    checked[lowerCase] = value;
  }
  const upperCase = method.toUpperCase();
  if (body === undefined) return { url: checkedUrl, method: upperCase, headers: checked, body: null };
  if (WITHOUT_BODY.has(upperCase)) throw new HttpError('request', `${upperCase} has no body`);
  const bytes = Buffer.from(body as Uint8Array);
  checked['content-length'] = String(bytes.length);
  return { url: checkedUrl, method: upperCase, headers: checked, body: bytes };
}

function checkUrl(url: string | URL): URL {
  if (!URL.canParse(String(url))) throw new HttpError('request', 'the URL is not valid');
  const parsed = new URL(url);
  if (!/^https?:$/.test(parsed.protocol))
    throw new HttpError('request', 'the URL is not an http or https URL');
  if (parsed.username !== '' || parsed.password !== '')
    throw new HttpError('request', 'the URL must not hold a user name or password');
  return parsed;
}
