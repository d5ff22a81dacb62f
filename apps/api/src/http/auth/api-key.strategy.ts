import passport from 'passport';
import type { Request } from 'express';
import { clientAddress } from '../client-address.js';
import type { AuthenticationService } from './authentication.service.js';
import { readApiKey } from './credential.js';

/** Passport strategy: the caller is the owner of the API key, or the access token, in the request's headers. */
export class ApiKeyStrategy extends passport.Strategy {
  override readonly name = 'api-key';

  constructor(private readonly authentication: AuthenticationService) {
    super();
  }

  // Passport calls this on an object of its own that inherits from the strategy, so #private members do not work here.
  override authenticate(this: passport.StrategyCreated<this, this>, request: Request): void {
    this.identify(request).then(
      (caller) => (caller === null ? this.fail(401) : this.success({ caller, person: null })),
      (error: unknown) => this.error(error),
    );
  }

  async identify(request: Request) {
    const secret = readApiKey(request.headers);
    return secret === null ? null : this.authentication.authenticateSecret(secret, clientAddress(request));
  }
}
