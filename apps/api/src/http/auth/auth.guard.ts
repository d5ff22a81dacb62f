import { Inject, Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { ProblemError } from '@culvert/contract';
import { IS_PUBLIC, SETTINGS } from '@culvert/nest';
import { appUrl, type Settings } from '@culvert/runtime';
import type { Request, Response } from 'express';
import passport from 'passport';
import { isForm, isSameOrigin, isUnsafe } from '../same-origin.js';
import { ApiKeyStrategy } from './api-key.strategy.js';
import { AuthenticationService } from './authentication.service.js';
import { setIdentified, type Identified } from './caller.js';
import { hasApiKey } from './credential.js';
import { IgnoresCookies, RequireScope, type Requirement } from './require-scope.js';
import { UserSessionStrategy } from './user-session.strategy.js';

/**
 * Lets a request pass if its key, or the role of its person, has what the route requires, or if the route is
 * `@Public()`. Browsers send cookies even with requests that other sites cause: a request that changes something with a
 * cookie or by a form must come from a page of the app.
 */
@Injectable()
export class AuthGuard implements CanActivate {
  // Passport's own registry is global to the process: two applications in one process would share their strategies.
  private readonly passport = new passport.Passport();
  private readonly appOrigin: string;

  constructor(
    private readonly reflector: Reflector,
    authentication: AuthenticationService,
    @Inject(SETTINGS) settings: Settings,
  ) {
    this.appOrigin = appUrl(settings);
    this.passport.use(new ApiKeyStrategy(authentication));
    this.passport.use(new UserSessionStrategy(authentication));
  }

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<Request>();
    const targets = [context.getHandler(), context.getClass()];
    if (this.reflector.getAllAndOverride<boolean | undefined>(IS_PUBLIC, targets) === true) {
      const usesCookies = !this.reflector.getAllAndOverride(IgnoresCookies, targets);
      if (usesCookies && isUnsafe(request) && isForm(request)) this.demandSameOrigin(request);
      return true;
    }

    const requirement = this.reflector.getAllAndOverride(RequireScope, targets);
    if (requirement === undefined)
      throw new Error(`${context.getClass().name} has a route without a requirement`);

    const identified = await this.identify(request, context.switchToHttp().getResponse<Response>());
    if (identified === null) throw new ProblemError('unauthenticated');
    if (identified.person !== null && isUnsafe(request)) this.demandSameOrigin(request);
    demand(requirement, identified);
    setIdentified(request, identified);
    return true;
  }

  private demandSameOrigin(request: Request): void {
    if (!isSameOrigin(request.headers, this.appOrigin)) throw new ProblemError('cross_site_request');
  }

  /** A request with a key acts for the key, whatever cookies it has. */
  private identify(request: Request, response: Response): Promise<Identified | null> {
    const strategy = hasApiKey(request.headers) ? 'api-key' : 'user-session';
    return new Promise((resolve, reject) => {
      const done = (error: Error | null, identified: Identified | false | null): void =>
        error ? reject(error) : resolve(identified || null);
      this.passport.authenticate(strategy, { session: false }, done)(request, response, reject);
    });
  }
}

function demand(requirement: Requirement, { caller, person }: Identified): void {
  if (requirement === 'any') return;
  if (requirement === 'user') {
    if (person === null) throw new ProblemError('person_required');
    return;
  }
  if (caller === null)
    throw new ProblemError('not_a_member', {
      detail: 'you are not a member of any team: create one, or ask an owner or admin of one to invite you',
    });
  if (!caller.scopes.includes(requirement)) {
    throw new ProblemError('insufficient_scope', { detail: `this needs the scope ${requirement}` });
  }
}
