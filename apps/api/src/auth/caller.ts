import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { Actor, ApiKey, ApiKeyScope } from '@culvert/domain';
import type { Request } from 'express';

/** Who makes a request, and for which team. */
export interface Caller {
  readonly teamId: string;
  readonly scopes: readonly ApiKeyScope[];
  readonly apiKey: ApiKey;
  /** What the audit log says of them. */
  readonly actor: Actor;
}

const callers = new WeakMap<Request, Caller>();

/** Remembers who makes `request`, once the guard knows. */
export function setCaller(request: Request, caller: Caller): void {
  callers.set(request, caller);
}

/** Injects the caller into a controller's method. Only where the guard has let one through. */
export const CurrentCaller = createParamDecorator((_data: unknown, context: ExecutionContext): Caller => {
  const caller = callers.get(context.switchToHttp().getRequest<Request>());
  if (caller === undefined) throw new Error('a public route has no caller');
  return caller;
});
