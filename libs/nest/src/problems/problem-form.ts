import type { Problem } from '@culvert/contract';
import type { Response } from 'express';

/** An error in the form in which it is sent. */
export interface FormedProblem {
  readonly type: string;
  readonly body: string;
  /** HTTP status. Default: that of the problem. */
  readonly status?: number;
}

export type ProblemForm = (problem: Problem) => FormedProblem;

const forms = new WeakMap<Response, ProblemForm>();

/** Sends errors of this request in a form other than problem+json, for programs that expect another. */
export function setProblemForm(response: Response, form: ProblemForm): void {
  forms.set(response, form);
}

export function problemFormOf(response: Response): ProblemForm {
  return forms.get(response) ?? asProblemJson;
}

function asProblemJson(problem: Problem): FormedProblem {
  return { type: 'application/problem+json', body: JSON.stringify(problem) };
}
