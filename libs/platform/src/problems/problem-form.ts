import type { Problem } from '@culvert/contract';
import type { Response } from 'express';

/** How an error is said: a media type and a body. */
export type ProblemForm = (problem: Problem) => { readonly type: string; readonly body: string };

const forms = new WeakMap<Response, ProblemForm>();

/** Has errors on this request said in a form other than problem+json, for programs that know another. */
export function setProblemForm(response: Response, form: ProblemForm): void {
  forms.set(response, form);
}

export function problemFormOf(response: Response): ProblemForm {
  return forms.get(response) ?? asProblemJson;
}

function asProblemJson(problem: Problem): { type: string; body: string } {
  return { type: 'application/problem+json', body: JSON.stringify(problem) };
}
