/** Runs the checks of this machine, the way to Culvert, the sign-in and the target, and prints them. */
import { ClientError, parseTarget, VERSION } from '@culvert/client';
import {
  type Check,
  type CheckResult,
  connectionChecks,
  type Counts,
  countsOf,
  linesOf,
  runChecks,
  summaryOf,
} from '@culvert/diagnosis';
import type { CommandContext } from '../command-context.js';
import { EXIT } from '../exit-code.js';
import { accountChecks } from './account-checks.js';
import type { DoctorFlags } from './commands.js';
import { machineChecks } from './machine-checks.js';
import { targetCheck } from './target-check.js';

/** Limit for all checks together. */
const TIMEOUT_MS = 45_000;
/** Stands for the URL in checks that are skipped. */
const NO_URL = 'https://culvert.invalid';

/** Checks, prints and returns the exit code: a failure if a check failed. */
export async function doctor(
  context: CommandContext,
  targetText: string | undefined,
  { bundle }: DoctorFlags,
): Promise<number> {
  const { output, signal } = context;
  const target = targetText === undefined ? null : parseTarget(targetText);
  const url = urlOf(context);
  const checks = [
    ...machineChecks(context),
    settingsCheck(url),
    ...[...wayChecks(context, typeof url === 'string' ? url : NO_URL), ...accountChecks(context)].map(
      withSettings,
    ),
    ...(target === null ? [] : [targetCheck(target)]),
  ];
  const width = Math.max(...checks.map(({ title }) => title.length));
  const results = await runChecks(checks, {
    signal,
    timeoutMs: TIMEOUT_MS,
    onResult: (result) => {
      if (!output.isForPrograms) for (const line of linesOf(result, width)) output.line(line);
    },
  });
  const report = {
    version: VERSION,
    url: typeof url === 'string' ? url : null,
    checks: results,
    counts: countsOf(results),
  };
  output.result(report, () => output.line(summaryOf(report.counts)));
  if (bundle !== undefined) {
    const { writeBundle } = await import('./bundle.js');
    await writeBundle(context, bundle, report);
    output.note(`Wrote ${bundle}. It holds no keys and tokens; look through it before you send it.`);
  }
  return report.counts.failure > 0 ? EXIT.failure : EXIT.ok;
}

/** What `culvert doctor` found, as printed by `--output json`. */
export interface DoctorReport {
  readonly version: string;
  readonly url: string | null;
  readonly checks: readonly CheckResult[];
  readonly counts: Counts;
}

/** Returns the URL of Culvert, or why there is none. */
function urlOf({ settings }: CommandContext): string | ClientError {
  try {
    return settings.url;
  } catch (error) {
    if (error instanceof ClientError) return error;
    throw error;
  }
}

/** Without a URL, what concerns Culvert is skipped. */
function withSettings(check: Check): Check {
  return { ...check, needs: ['settings', ...(check.needs ?? [])] };
}

function settingsCheck(url: string | ClientError): Check {
  return {
    id: 'settings',
    title: 'Settings',
    timeoutMs: 1000,
    run: () =>
      typeof url === 'string'
        ? Promise.resolve({ state: 'ok', message: url, facts: { url } })
        : Promise.reject(url),
  };
}

function wayChecks(context: CommandContext, url: string): Check[] {
  const { ca } = context.settings;
  return connectionChecks({ url, ca, secret: secretOf(context), version: VERSION, howToUpdate });
}

function howToUpdate(version: string): string {
  return `Version ${version} of this program is recommended: npm install --global culvert@${version}`;
}

/** Null if no one is signed in, which `accountChecks` reports. */
function secretOf(context: CommandContext): (() => Promise<string>) | null {
  try {
    const { bearer } = context;
    return () => bearer.secret();
  } catch (error) {
    if (error instanceof ClientError) return null;
    throw error;
  }
}
