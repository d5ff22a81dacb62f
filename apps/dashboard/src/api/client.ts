/** The one place that speaks to the API: typed by its OpenAPI document, for the team that is chosen. */
import createClient, { type Middleware } from 'openapi-fetch';
import type { components, paths } from '../generated/api.js';
import { ApiProblem } from './problem.js';
import { chosenTeam } from './chosen-team.js';
import { goAndSignIn } from './sign-in.js';

/** What the API answers with: `Schemas['Preview']`. */
export type Schemas = components['schemas'];

const actForChosenTeam: Middleware = {
  onRequest({ request }) {
    const team = chosenTeam();
    if (team !== null) request.headers.set('Culvert-Team', team);
    return request;
  },
};

/** `api.GET('/api/v1/previews', …)`. Give what it returns to `answerOf`. */
export const api = createClient<paths>({ baseUrl: '', credentials: 'same-origin' });
api.use(actForChosenTeam);

/** What `openapi-fetch` resolves to, as far as we look at it. */
interface Outcome<Data> {
  readonly data?: Data;
  readonly error?: unknown;
  readonly response: Response;
}

/**
 * The body of a successful answer. A session that has ended leads to signing in, and back to this page.
 * @throws ApiProblem whatever else happens, `offline` when no answer came
 */
export async function answerOf<Data>(call: Promise<Outcome<Data>>): Promise<Data> {
  let outcome: Outcome<Data>;
  try {
    outcome = await call;
  } catch (error) {
    if ((error as Error).name === 'AbortError') throw error;
    throw ApiProblem.offline(error);
  }
  if (outcome.response.ok) return outcome.data as Data;
  const problem = ApiProblem.from(outcome.response, outcome.error);
  if (problem.code === 'unauthenticated') goAndSignIn();
  throw problem;
}
