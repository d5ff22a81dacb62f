/** Exchanges of `culvert` on this machine, which serves this page. */
import { type Exchange, type ExchangeSource, type Replay, watchExchanges } from '../api/exchange-stream.js';
import { ApiProblem } from '../api/problem.js';

/** One target that the program exposes. */
export interface LocalEndpoint {
  /** Empty if there is only one. */
  readonly name: string;
  /** Null before it has a URL. */
  readonly url: string | null;
}

/** An exchange, and the endpoint that it belongs to. */
export type LocalExchange = Exchange & { readonly endpoint: string };

/** Address of all exchanges as an HTTP Archive. */
export const HAR_PATH = '/har';

export const localSource: ExchangeSource = {
  isLocal: true,
  // The program captures bodies whenever this page is open.
  watch: (_options, listener) => watchExchanges('/exchanges', listener),
  replay: (request) =>
    answerOf<Replay>('/replays', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(request),
    }),
};

export function fetchEndpoints(): Promise<readonly LocalEndpoint[]> {
  return answerOf('/endpoints');
}

/** Rejects with an ApiProblem. */
async function answerOf<Answer>(path: string, init?: RequestInit): Promise<Answer> {
  const response = await fetch(path, init).catch((cause: unknown) => {
    throw ApiProblem.offline(cause);
  });
  const body: unknown = await response.json().catch(() => null);
  if (!response.ok) throw ApiProblem.from(response, body);
  return body as Answer;
}
