/** One check of something that a program needs, and how checks are run. */

export type CheckState = 'ok' | 'warning' | 'failure' | 'skipped';

/** Details for programs: plain values without secrets. */
export type Facts = Readonly<Record<string, unknown>>;

/** What a check found. */
export interface Finding {
  readonly state: CheckState;
  /** One sentence without a full stop. */
  readonly message: string;
  /** What to do, if anything helps. */
  readonly advice?: string | undefined;
  readonly facts?: Facts;
}

export interface Check {
  /** Stable name for programs. */
  readonly id: string;
  /** Name for people. */
  readonly title: string;
  /** Ids of earlier checks without which this one has no meaning. */
  readonly needs?: readonly string[];
  /** A check that takes longer counts as failed. */
  readonly timeoutMs: number;
  /** May reject: the error then is the finding. `signal` is aborted when the time is over. */
  run(signal: AbortSignal): Promise<Finding>;
}

export interface CheckResult {
  readonly id: string;
  readonly title: string;
  readonly state: CheckState;
  readonly message: string;
  readonly advice: string | null;
  /** Duration in milliseconds. */
  readonly ms: number;
  readonly facts: Facts;
}

export interface RunOptions {
  /** Ends all checks; `runChecks` then rejects with its reason. */
  readonly signal: AbortSignal;
  /** Limit for all checks together. */
  readonly timeoutMs: number;
  /** Receives each result, in the order of the checks. */
  readonly onResult?: (result: CheckResult) => void;
}

/**
 * Runs checks, each as soon as those that it needs have ended. A check is skipped if one of them has failed or was skipped.
 * Resolves in the order of `checks`.
 */
export async function runChecks(
  checks: readonly Check[],
  { signal, timeoutMs, onResult }: RunOptions,
): Promise<CheckResult[]> {
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  const running = new Map<string, Promise<CheckResult>>();
  for (const check of checks) {
    const needed = (check.needs ?? []).flatMap((id) => running.get(id) ?? []);
    running.set(
      check.id,
      Promise.all(needed).then((before) => runCheck(check, before, deadline)),
    );
  }
  const results: CheckResult[] = [];
  for (const pending of running.values()) {
    const result = await pending;
    signal.throwIfAborted();
    results.push(result);
    onResult?.(result);
  }
  return results;
}

async function runCheck(
  check: Check,
  needed: readonly CheckResult[],
  deadline: AbortSignal,
): Promise<CheckResult> {
  const missing = needed.find(({ state }) => state === 'failure' || state === 'skipped');
  const startedAt = performance.now();
  const { state, message, advice, facts } =
    missing === undefined ? await findingOf(check, deadline) : skippedWithout(missing);
  const { id, title } = check;
  const ms = missing === undefined ? performance.now() - startedAt : 0;
  return { id, title, state, message, advice: advice ?? null, ms: roundMs(ms), facts: facts ?? {} };
}

/** Names what has failed first, however many checks were skipped because of it. */
function skippedWithout({ title, state, message }: CheckResult): Finding {
  const why = state === 'failure' ? `skipped, because the check "${title}" failed` : message;
  return { state: 'skipped', message: why };
}

async function findingOf(check: Check, deadline: AbortSignal): Promise<Finding> {
  const ended = new AbortController();
  const signal = AbortSignal.any([deadline, ended.signal]);
  const timer = setTimeout(() => ended.abort(new Error('late')), check.timeoutMs);
  const late = new Promise<Finding>((resolve) => {
    const give = (): void => resolve(lateFinding(check, deadline));
    if (signal.aborted) give();
    else signal.addEventListener('abort', give, { once: true });
  });
  try {
    return await Promise.race([check.run(signal).catch(failureOf), late]);
  } finally {
    clearTimeout(timer);
    ended.abort();
  }
}

function lateFinding({ timeoutMs }: Check, deadline: AbortSignal): Finding {
  const message = deadline.aborted
    ? 'not finished when the time for all checks was over'
    : `not finished within ${timeoutMs / 1000} s`;
  return {
    state: 'failure',
    message,
    advice: 'Run the checks again. If it happens again, check the network between this machine and Culvert.',
  };
}

/** Returns the finding of a check that failed with this error. Errors for people have a hint. */
export function failureOf(error: unknown): Finding {
  const { message, hint } = error as Error & { readonly hint?: unknown };
  return { state: 'failure', message, advice: typeof hint === 'string' ? hint : undefined };
}

/** Returns a duration with one digit after the point. */
export function roundMs(ms: number): number {
  return Math.round(ms * 10) / 10;
}
