import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { Actor, ApiKey, Scope, Authority, Role, User, UserSession } from '@culvert/domain';

/** A signed-in person. */
export interface Person {
  readonly user: User;
  readonly userSession: UserSession;
  /** Actor in the audit log. */
  readonly actor: Actor;
}

/** Caller of a request, and the team that they act for: an API key, a member, or a program that a member allowed. */
export interface Caller {
  readonly teamId: string;
  /** Role of a member; null for an API key. */
  readonly role: Role | null;
  readonly scopes: readonly Scope[];
  readonly apiKey: ApiKey | null;
  readonly user: User | null;
  /** Session of a person in a browser; null for a key or a program. */
  readonly userSession: UserSession | null;
  /** Time when the credential of the request ends; null: never. */
  readonly expiresAt: Date | null;
  /** Authority that the store checks again before it writes anything that outlives the request. */
  readonly authority: Authority;
  /** Actor in the audit log. */
  readonly actor: Actor;
}

/** Returns the authority of a person in their browser. */
export function authorityOf({ user, userSession }: Pick<Person, 'user' | 'userSession'>): Authority {
  return { kind: 'person', userId: user.id, userSessionId: userSession.id };
}

/** What the guard found out about a request. At least one of the two is present; a person may have no team. */
export interface Identified {
  readonly caller: Caller | null;
  readonly person: Person | null;
}

const identifications = new WeakMap<object, Identified>();

/** Stores who makes `request`, once the guard knows. */
export function setIdentified(request: object, identified: Identified): void {
  identifications.set(request, identified);
}

/** Returns who the guard found; null on a public route. */
export function identifiedBy(request: object): Identified | null {
  return identifications.get(request) ?? null;
}

function identifiedOf(context: ExecutionContext): Identified {
  const identified = identifications.get(context.switchToHttp().getRequest<object>());
  if (identified === undefined) throw new Error('a public route has no caller');
  return identified;
}

/** Injects the caller into a method of a controller whose route requires a scope. */
export const CurrentCaller = createParamDecorator((_data: unknown, context: ExecutionContext): Caller => {
  const { caller } = identifiedOf(context);
  if (caller === null) throw new Error('a route that requires no scope may have no team');
  return caller;
});

/** Injects the person into a method of a controller whose route requires `user`. */
export const CurrentPerson = createParamDecorator((_data: unknown, context: ExecutionContext): Person => {
  const { person } = identifiedOf(context);
  if (person === null) throw new Error('a route that does not require a user may have none');
  return person;
});

/** Injects both, for routes that require `any`. */
export const CurrentIdentity = createParamDecorator((_data: unknown, context: ExecutionContext): Identified =>
  identifiedOf(context),
);
