/** A rule is not acceptable; the message names the rule and the reason. */
export class RuleError extends Error {
  override readonly name = 'RuleError';
}
