import { ERROR_CODES } from '@culvert/contract';
import { CliError } from '../cli-error.js';
import type { CommandContext } from '../command-context.js';
import { EXIT } from '../exit-code.js';
import { closest } from '../find/closest.js';
import { problemCodeOf } from '../problem-error.js';

/** Prints what an error code of the API means. @throws CliError with the code that was probably meant */
export async function explain({ api, output }: CommandContext, code: string): Promise<void> {
  const problem = await api.call('getProblem', { code }).catch((error: unknown) => {
    throw problemCodeOf(error) === 'not_found' ? unknownCode(code) : error;
  });
  output.result(problem, () =>
    output.fields([
      ['Code', problem.code],
      ['Title', problem.title],
      ['Status', String(problem.status)],
      ['Meaning', problem.description],
    ]),
  );
}

function unknownCode(code: string): CliError {
  const meant = closest(code, ERROR_CODES);
  return new CliError(EXIT.notFound, `the API has no error code ${code}`, {
    hint:
      meant === null
        ? 'Responses have it as "code", such as insufficient_scope. The completion of your shell lists all codes.'
        : `Did you mean ${meant}?`,
  });
}
