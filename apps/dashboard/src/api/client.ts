/** The only module that calls the API: typed by its OpenAPI document, for the chosen team. */
import createClient, { type Middleware } from 'openapi-fetch';
import type { components, paths } from '../generated/api.js';
import { ApiProblem } from './problem.js';
import { chosenTeam } from './chosen-team.js';
import { goAndSignIn } from './sign-in.js';

/** Types of the API: `Schemas['Preview']`. */
export type Schemas = components['schemas'];

const actForChosenTeam: Middleware = {
  onRequest({ request }) {
    const team = chosenTeam();
    if (team !== null) request.headers.set('Culvert-Team', team);
    return request;
  },
};

/** `api.GET('/api/v1/previews', …)`. Pass the result to `answerOf`. */
export const api = createClient<paths>({ baseUrl: '', credentials: 'same-origin' });
api.use(actForChosenTeam);

/** The part of `openapi-fetch`'s result that is used here. */
interface Outcome<Data> {
  readonly data?: Data;
  readonly error?: unknown;
  readonly response: Response;
}

/**
 * Returns the body of a successful response. If the session has ended, redirects to the sign-in, which returns to this
 * page.
 * @throws ApiProblem for any other failure, `offline` if there was no response
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
