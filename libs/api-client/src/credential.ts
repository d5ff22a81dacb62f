/** The secret that authorizes requests. */
export interface Credential {
  /** Returns the secret to send. Called before each request. */
  secret(): Promise<string>;
  /** Called when `secret` was refused. Resolves with whether another secret is available, so that the request is repeated. */
  renew(secret: string): Promise<boolean>;
  /**
   * Returns when connections that stay open should change to another secret, in milliseconds since 1970; null while that
   * is not known. Absent: a secret does not end while it is in use.
   */
  renewAt?(): number | null;
  /** Ends the secret, if it was issued for this program alone. Never rejects. Absent: secrets outlive the program. */
  end?(): Promise<void>;
}

/** Returns the credential of an API key, which has no replacement. @param secret read anew before each request */
export function keyCredential(secret: () => Promise<string>): Credential {
  return { secret, renew: () => Promise.resolve(false) };
}
