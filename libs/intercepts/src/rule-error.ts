/** A rule that is not acceptable; the message says which, and why. */
export class RuleError extends Error {
  override readonly name = 'RuleError';
}
