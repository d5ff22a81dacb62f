import type { Argument } from 'commander';

/** Things of the team that a shell can complete. */
export type CompletedThing = 'preview' | 'key';

const things = new WeakMap<Argument, CompletedThing>();

/** Declares what an argument names, so that shells can complete it. */
export function completed(argument: Argument, thing: CompletedThing): Argument {
  things.set(argument, thing);
  return argument;
}

export function completedThing(argument: Argument): CompletedThing | null {
  return things.get(argument) ?? null;
}
