import { Reflector } from '@nestjs/core';
import type { Scope } from '@culvert/domain';

/**
 * What a request needs: a scope, of its key or of its person's role; `user`: a signed-in person, with or without a
 * team; `any`: any key or person.
 */
export type Requirement = Scope | 'any' | 'user';

/** Declares what a route requires. A route without a declaration refuses every request. */
export const RequireScope = Reflector.createDecorator<Requirement>();

/**
 * Declares that a public route ignores cookies: a form that another site sends has no authority except what the form
 * itself contains.
 */
export const IgnoresCookies = Reflector.createDecorator<true>();
