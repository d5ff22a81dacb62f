import { Reflector } from '@nestjs/core';
import type { ApiKeyScope } from '@culvert/domain';

/** What the key of a request must be good for; `any-key`: nothing in particular. */
export type Requirement = ApiKeyScope | 'any-key';

/** States what a route requires of the key. A route that states nothing answers nobody. */
export const RequireScope = Reflector.createDecorator<Requirement>();
