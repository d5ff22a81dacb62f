import { ERROR_CODES } from '@culvert/contract';
import { describeRelayError, RELAY_ERROR_CODES } from '@culvert/relay';
import { CliError } from '../cli-error.js';
import type { CommandContext } from '../command-context.js';
import { EXIT } from '../exit-code.js';
import { closest } from '../find/closest.js';
import { problemCodeOf } from '../problem-error.js';

/** Prints what an error code of the API or of a preview means. @throws CliError with the code that was probably meant */
export async function explain({ api, output }: CommandContext, code: string): Promise<void> {
  const ofPreview = isOfApi(code) ? null : describeRelayError(code);
  const problem =
    ofPreview === null
      ? await api.call('getProblem', { code }).catch((error: unknown) => {
          throw problemCodeOf(error) === 'not_found' ? unknownCode(code) : error;
        })
      : { code, ...ofPreview };
  output.result(problem, () =>
    output.fields([
      ['Code', problem.code],
      ['Title', problem.title],
      ['Status', String(problem.status)],
      ['Meaning', problem.description],
    ]),
  );
}

/** Reports whether the API has this code. Some codes are the same for both, such as internal_error. */
function isOfApi(code: string): boolean {
  return ERROR_CODES.some((each) => each === code);
}

function unknownCode(code: string): CliError {
  const meant = closest(code, [...ERROR_CODES, ...RELAY_ERROR_CODES]);
  return new CliError(EXIT.notFound, `there is no error code ${code}`, {
    hint:
      meant === null
        ? 'Responses of the API have it as "code", such as insufficient_scope, and those of previews in X-Culvert-Error. ' +
          'The completion of your shell lists all codes.'
        : `Did you mean ${meant}?`,
  });
}
