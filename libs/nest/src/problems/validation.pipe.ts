import { StandardSchemaValidationPipe } from '@nestjs/common';
import { ProblemError } from '@culvert/contract';

type Issue = Parameters<
  NonNullable<NonNullable<ConstructorParameters<typeof StandardSchemaValidationPipe>[0]>['exceptionFactory']>
>[0][number];

/** Validates arguments that a controller declares with a `schema`; `errors` of the problem lists each invalid field. */
export function createValidationPipe(): StandardSchemaValidationPipe {
  return new StandardSchemaValidationPipe({
    exceptionFactory: (issues) =>
      new ProblemError('validation_failed', {
        detail: issues.length === 1 ? '1 field is not valid' : `${issues.length} fields are not valid`,
        errors: issues.map((issue) => ({ pointer: pointer(issue), message: issue.message })),
      }),
  });
}

/** JSON Pointer (RFC 6901 §3: `~` and `/` are escaped). */
function pointer(issue: Issue): string {
  return (issue.path ?? [])
    .map((segment) => (typeof segment === 'object' ? segment.key : segment))
    .map((key) => `/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`)
    .join('');
}
