import { Reflector } from '@nestjs/core';
import type { ApiKeyScope } from '@culvert/domain';

/**
 * What a request must be good for: a scope, of its key or of its person's role; `user`: a person is signed in, with
 * or without a team; `any`: a key or a person, nothing in particular.
 */
export type Requirement = ApiKeyScope | 'any' | 'user';

/** States what a route requires. A route that states nothing answers nobody. */
export const RequireScope = Reflector.createDecorator<Requirement>();

/**
 * States that a public route looks at no cookie: whoever has a browser send it a form acts with nobody's authority but
 * what the form itself holds.
 */
export const IgnoresCookies = Reflector.createDecorator<true>();
