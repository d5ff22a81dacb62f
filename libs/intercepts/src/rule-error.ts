/** A rule is not acceptable; the message says which one, and why. */
export class RuleError extends Error {
  override readonly name = 'RuleError';
}
