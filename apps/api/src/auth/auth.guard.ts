import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { ProblemError } from '@culvert/contract';
import { IS_PUBLIC } from '@culvert/platform';
import type { Request, Response } from 'express';
import passport from 'passport';
import { ApiKeyStrategy } from './api-key.strategy.js';
import { AuthenticationService } from './authentication.service.js';
import { setCaller, type Caller } from './caller.js';
import { RequireScope } from './require-scope.js';

/** Lets a request pass when its key is good for what the route requires, or the route is `@Public()`. */
@Injectable()
export class AuthGuard implements CanActivate {
  // Passport's own registry is global to the process: two applications in one would authenticate for each other.
  readonly #passport = new passport.Passport();

  constructor(
    private readonly reflector: Reflector,
    authentication: AuthenticationService,
  ) {
    this.#passport.use(new ApiKeyStrategy(authentication));
  }

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const targets = [context.getHandler(), context.getClass()];
    if (this.reflector.getAllAndOverride<boolean | undefined>(IS_PUBLIC, targets) === true) return true;

    const requirement = this.reflector.getAllAndOverride(RequireScope, targets);
    if (requirement === undefined)
      throw new Error(`${context.getClass().name} has a route without a requirement`);

    const request = context.switchToHttp().getRequest<Request>();
    const caller = await this.#authenticate(request, context.switchToHttp().getResponse<Response>());
    if (caller === null) throw new ProblemError('unauthenticated');
    if (requirement !== 'any-key' && !caller.scopes.includes(requirement)) {
      throw new ProblemError('insufficient_scope', { detail: `this needs the scope ${requirement}` });
    }
    setCaller(request, caller);
    return true;
  }

  #authenticate(request: Request, response: Response): Promise<Caller | null> {
    return new Promise((resolve, reject) => {
      const done = (error: Error | null, caller: Caller | false | null): void =>
        error ? reject(error) : resolve(caller || null);
      this.#passport.authenticate('api-key', { session: false }, done)(request, response, reject);
    });
  }
}
