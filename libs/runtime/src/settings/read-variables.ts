import type { z } from 'zod';
import type { ConfigurationProblem } from './configuration-error.js';
import { type Variable, VARIABLES } from './variables.js';

/** What each variable says; undefined where it is not set. */
export type Values = { readonly [Name in Variable]?: z.output<(typeof VARIABLES)[Name]> };

/** Reads all variables. Adds each malformed one to `problems`, without its value if it is a secret. */
export function readVariables(
  env: Readonly<Record<string, string | undefined>>,
  problems: ConfigurationProblem[],
): Values {
  const values: Record<string, unknown> = {};
  for (const [variable, schema] of Object.entries(VARIABLES)) {
    const text = env[variable];
    if (text === undefined || text === '') continue;
    const result = schema.safeParse(text);
    if (result.success) {
      values[variable] = result.data;
    } else {
      const isSecret = schema.meta()?.['secret'] === true;
      problems.push({
        variable,
        expected: schema.description ?? 'valid',
        ...(isSecret ? {} : { got: text }),
      });
    }
  }
  return values;
}
