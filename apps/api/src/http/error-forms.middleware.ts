import type { Problem } from '@culvert/contract';
import { setProblemForm, type ProblemForm } from '@culvert/nest';
import type { NextFunction, Request, Response } from 'express';

/** Formats of errors for programs of other makers, also for errors that occur before our own code for them runs. */
const FORMS: readonly (readonly [RegExp, ProblemForm])[] = [
  // RFC 6749 §5.2. Telepresence drops its tokens on a 4xx, so requests that only have to wait get another status.
  [/^\/(token|revoke)\/?$/i, (problem) => oauthForm(problem, problem.status === 429 ? 503 : problem.status)],
  [/^\/device_authorization\/?$/i, (problem) => oauthForm(problem, problem.status)],
  // Telepresence accepts JSON without `message` as a key, whatever the status, and stores it.
  [
    /^\/sso\//i,
    (problem) => ({
      type: 'application/json',
      body: JSON.stringify({ ...problem, message: describe(problem) }),
    }),
  ],
  // Telepresence accepts any text as a license, except that of 404 and 500.
  [
    /^\/api\/licenses\//i,
    (problem) => ({
      status: problem.status < 500 ? 404 : 500,
      type: 'text/plain',
      body: `${describe(problem)}\n`,
    }),
  ],
];

/** Middleware that chooses the format of errors by the path: that of OAuth, of Telepresence, or else of the API. */
export function chooseErrorForm(request: Request, response: Response, next: NextFunction): void {
  const form = FORMS.find(([path]) => path.test(request.path))?.[1];
  if (form !== undefined) setProblemForm(response, form);
  next();
}

function oauthForm(problem: Problem, status: number) {
  const error = { error: tokenErrorOf(problem.status), error_description: describe(problem) };
  return { status, type: 'application/json', body: JSON.stringify(error) };
}

function tokenErrorOf(status: number): string {
  if (status === 429) return 'temporarily_unavailable';
  return status < 500 ? 'invalid_request' : 'server_error';
}

function describe({ title, detail, errors = [] }: Problem): string {
  const rules = errors.map(({ pointer, message }) => `${pointer} ${message}`.trim()).join('; ');
  return [title, detail, rules].filter(Boolean).join(': ');
}
