/** A token that is not accepted, or an issuer whose keys cannot be fetched. The message is for the owner of the job. */
export class TokenProblem extends Error {
  override readonly name = 'TokenProblem';

  constructor(
    /** `issuer`: the issuer failed, so that trying again may help. `token`: this token is never accepted. */
    readonly kind: 'issuer' | 'token',
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
