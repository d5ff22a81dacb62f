/** `--check`: checks the way to Culvert from inside the cluster, prints what it found, and ends. */
import { plainText } from '@culvert/client';
import type { Scope } from '@culvert/contract';
import {
  type Check,
  connectionChecks,
  countsOf,
  type Finding,
  linesOf,
  runChecks,
  summaryOf,
} from '@culvert/diagnosis';
import { createCulvertApi, createHttpClient } from './culvert/culvert-api.js';
import { VERSION } from './version.js';

/** Limit for all checks together. */
const TIMEOUT_MS = 45_000;

/** What a program needs of Culvert. */
export interface CulvertNeeds {
  readonly url: URL;
  readonly ca: string | undefined;
  readonly apiKey: () => Promise<string>;
  /** Scopes without which the program does not work. */
  readonly required: readonly Scope[];
  /** Scopes of which the program makes use. */
  readonly useful: readonly Scope[];
}

/** Returns the checks of the way to Culvert and of the key. */
export function culvertChecks({ url, ca, apiKey, required, useful }: CulvertNeeds): Check[] {
  return [
    ...connectionChecks({
      url: url.href.replace(/\/+$/, ''),
      ca,
      // Only programs that open tunnels have the scope for them.
      secret: required.includes('tunnel') ? apiKey : null,
      version: VERSION,
      howToUpdate: (version) => `Version ${version} of this program is recommended.`,
    }),
    {
      id: 'key',
      title: 'API key',
      needs: ['api'],
      timeoutMs: 12_000,
      run: async () => {
        const http = createHttpClient({ ca });
        try {
          const { team, scopes } = await createCulvertApi(url, apiKey, http).call('getMe');
          return judgeScopes(team?.name ?? 'none', scopes, { required, useful });
        } finally {
          http.close();
        }
      },
    },
  ];
}

function judgeScopes(
  team: string,
  scopes: readonly string[],
  { required, useful }: Pick<CulvertNeeds, 'required' | 'useful'>,
): Finding {
  const without = (wanted: readonly Scope[]): Scope[] => wanted.filter((scope) => !scopes.includes(scope));
  const [missing, lacking] = [without(required), without(useful)];
  const facts = { team, scopes };
  const advice = 'Create a key that has these scopes, and use it instead.';
  if (missing.length > 0)
    return { state: 'failure', message: `the key lacks ${missing.join(', ')}`, advice, facts };
  if (lacking.length > 0) {
    const message = `the key lacks ${lacking.join(', ')}, so that intercepts are not reported`;
    return { state: 'warning', message, advice, facts };
  }
  return { state: 'ok', message: `team ${team}, with all scopes that are needed`, facts };
}

/** Runs checks and prints each result. Resolves with the exit code: 1 if a check failed. */
export async function runAndPrint(checks: readonly Check[], print: (line: string) => void): Promise<number> {
  const width = Math.max(...checks.map(({ title }) => title.length));
  const results = await runChecks(checks, {
    // A signal ends the process.
    signal: new AbortController().signal,
    timeoutMs: TIMEOUT_MS,
    onResult: (result) => {
      for (const line of linesOf(result, width)) print(plainText(line));
    },
  });
  const counts = countsOf(results);
  print(summaryOf(counts));
  return counts.failure > 0 ? 1 : 0;
}

/** As `runAndPrint`, then ends the process. */
export async function checkAndExit(checks: readonly Check[]): Promise<void> {
  const code = await runAndPrint(checks, (line) => void process.stdout.write(`${line}\n`));
  // Idle connections would keep the process alive; flush the output first.
  await new Promise((resolve) => process.stdout.write('', resolve));
  process.exit(code);
}
