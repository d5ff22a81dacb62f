import type { Argument, Option } from 'commander';

/** Things that a shell can complete: of the team, of this machine, or of the API. */
export type CompletedThing =
  /** Endpoint of the file that `up` reads. */
  | 'endpoint'
  /** Error code of the API. */
  | 'error-code'
  | 'preview'
  | 'key'
  | 'member'
  | 'invitation'
  | 'session'
  | 'traffic-manager'
  | 'webhook'
  | 'intercept'
  | 'workload-identity'
  /** Credentials of the preview that the argument in front names. */
  | 'share-link'
  | 'preview-token';

const things = new WeakMap<Argument | Option, CompletedThing>();

/** Declares what an argument or the value of a flag names, so that shells can complete it. */
export function completed<Given extends Argument | Option>(given: Given, thing: CompletedThing): Given {
  things.set(given, thing);
  return given;
}

export function completedThing(given: Argument | Option): CompletedThing | null {
  return things.get(given) ?? null;
}
