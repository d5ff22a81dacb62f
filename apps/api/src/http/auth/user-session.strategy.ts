import passport from 'passport';
import type { Request } from 'express';
import { factsOf } from '../request-facts.js';
import type { AuthenticationService } from './authentication.service.js';

/** Passport strategy: the person who is signed in with the cookie of the request. */
export class UserSessionStrategy extends passport.Strategy {
  override readonly name = 'user-session';

  constructor(private readonly authentication: AuthenticationService) {
    super();
  }

  // Passport calls this on an object of its own that inherits from the strategy, so #private members do not work here.
  override authenticate(this: passport.StrategyCreated<this, this>, request: Request): void {
    this.identify(request).then(
      (identified) => (identified === null ? this.fail(401) : this.success(identified)),
      (error: unknown) => this.error(error),
    );
  }

  identify(request: Request) {
    return this.authentication.authenticatePerson(factsOf(request));
  }
}
