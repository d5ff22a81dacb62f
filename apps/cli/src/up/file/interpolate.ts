/** Replaces `${VAR}` in values by variables of the environment. */

/** A `${…}` that cannot be replaced. The message is for people. */
export class InterpolationError extends Error {}

const EXPRESSION = /\$\$|\$\{([^}]*)(\}?)/g;
const INNER = /^([A-Za-z_][A-Za-z0-9_]*)(?::([-?])([^]*))?$/;

/**
 * Replaces `${VAR}`, `${VAR:-default}` and `${VAR:?message}`, and `$$` by a single `$`. The default and the message apply to
 * variables that are not set or empty. Any other `$` stays.
 * @throws InterpolationError
 */
export function interpolate(text: string, env: NodeJS.ProcessEnv): string {
  return text.replace(EXPRESSION, (all, inner: string | undefined, end: string | undefined) => {
    if (inner === undefined) return '$';
    if (end === '') throw new InterpolationError(`"${all}" has no closing brace (write $$ for a single $)`);
    const [, name, operator, rest = ''] = INNER.exec(inner) ?? [];
    if (name === undefined)
      throw new InterpolationError(
        `${all} is not a variable (use \${VAR}, \${VAR:-default} or \${VAR:?message})`,
      );
    const value = env[name];
    if (operator === undefined && value !== undefined) return value;
    if (operator !== undefined && value !== undefined && value !== '') return value;
    if (operator === '-') return rest;
    if (operator === '?') throw new InterpolationError(`${name} is not set: ${rest || 'it is required'}`);
    throw new InterpolationError(`${name} is not set (\${${name}:-value} gives it a default)`);
  });
}

/** Returns the part of a value that stands in the file itself: without what `${…}` reads from the environment. */
export function literalPart(text: string): string {
  return text.replace(EXPRESSION, (all, inner: string | undefined) => {
    if (inner === undefined) return all;
    const [, , operator, rest = ''] = INNER.exec(inner) ?? [];
    return operator === '-' ? rest : '';
  });
}
