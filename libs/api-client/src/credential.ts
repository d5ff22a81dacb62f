/** What requests are authorized by. */
export interface Credential {
  /** The secret to send; asked for before each request. */
  secret(): Promise<string>;
  /** Called when `secret` was refused. Resolves with whether there is another one now, so that the request is worth repeating. */
  renew(secret: string): Promise<boolean>;
}

/** The credential of an API key, for which there is no other. @param secret read anew before each request */
export function keyCredential(secret: () => Promise<string>): Credential {
  return { secret, renew: () => Promise.resolve(false) };
}
