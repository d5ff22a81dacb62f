/** How requests are sent. The program supplies it; the client of libs/outbound fits. */
export interface ApiTransport {
  /** Resolves with a response of any status. Rejects when there is none, and with the reason of the signal when that is aborted. */
  send(request: ApiRequest): Promise<ApiResponse>;
}

export interface ApiRequest {
  readonly url: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Redirects are never followed, because the request carries a credential. */
  readonly maxRedirects: 0;
  readonly signal: AbortSignal | undefined;
  /** Limit for the request and its response, body included; with `onData`, for each wait. */
  readonly timeoutMs: number;
  /** Limit for the body of the response. */
  readonly maxResponseBytes: number;
  /** Receives the body of a successful response as it arrives, in place of `text`. */
  readonly onData?: ((part: Uint8Array) => void) | undefined;
}

export interface ApiResponse {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly text: string;
}
