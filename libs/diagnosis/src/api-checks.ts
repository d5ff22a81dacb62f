/** Whether the API answers, of which version it is, and whether its clock agrees. */
import { apiError, createHttpClient, unreachable } from '@culvert/client';
import { ROUTES } from '@culvert/contract';
import type { HttpResponse } from '@culvert/outbound';
import { type Check, type Finding, roundMs } from './check.js';
import type { Way } from './way.js';

/** Certificates and tokens stop working for clocks that are off by minutes. */
const MAX_SKEW_MS = 5 * 60_000;
const WARNING_SKEW_MS = 30_000;

/** The answer of the API, which several checks look at. */
interface Answer {
  readonly response: HttpResponse;
  /** By this machine's clock, in the middle of the request. */
  readonly at: number;
}

/** Checks that look at one answer of the API. */
export function apiChecks(way: Way): Check[] {
  let answer: Answer | null = null;
  const answered = (): Answer => {
    if (answer === null) throw new Error('the API did not answer');
    return answer;
  };
  return [
    {
      id: 'api',
      title: 'API',
      needs: ['tls'],
      timeoutMs: 12_000,
      run: async (signal) => {
        const startedAt = Date.now();
        const began = performance.now();
        const response = await askServer(way, signal);
        const ms = roundMs(performance.now() - began);
        const finding = judge(way.url, response, ms);
        if (finding.state === 'ok') answer = { response, at: (startedAt + Date.now()) / 2 };
        return finding;
      },
    },
    {
      id: 'version',
      title: 'Version',
      needs: ['api'],
      timeoutMs: 1000,
      run: () => Promise.resolve(judgeVersion(way, versionOf(answered().response))),
    },
    {
      id: 'clock',
      title: 'Clock',
      needs: ['api'],
      timeoutMs: 1000,
      run: () => Promise.resolve(judgeClock(answered())),
    },
  ];
}

async function askServer({ url, ca, secret }: Way, signal: AbortSignal): Promise<HttpResponse> {
  const http = createHttpClient(ca);
  // A credential that cannot be renewed is the finding of another check.
  const credential = (await secret?.().catch(() => null)) ?? null;
  try {
    return await http.send({
      url: `${url}${ROUTES.getServer.path}`,
      headers: {
        accept: 'application/json',
        ...(credential !== null && { authorization: `Bearer ${credential}` }),
      },
      timeoutMs: 10_000,
      maxResponseBytes: 64 * 1024,
      signal,
    });
  } catch (error) {
    throw unreachable(url, error);
  } finally {
    http.close();
  }
}

function judge(url: string, { status, headers, text, httpVersion }: HttpResponse, ms: number): Finding {
  const facts = { status, ms, httpVersion };
  const isCulvert = (status === 200 && versionIn(text) !== null) || problemCodeIn(text) !== null;
  if (isCulvert && status < 500)
    return { state: 'ok', message: `answers in ${ms} ms over HTTP/${httpVersion}`, facts };
  if (isCulvert) {
    const message = `Culvert answers with an error (HTTP ${status}, ${problemCodeIn(text)})`;
    return { state: 'failure', message, advice: 'Try again later, or ask the operator of Culvert.', facts };
  }
  const location = headers['location'] ?? null;
  const failure = { kind: 'not-culvert', call: 'getServer', status, location, cause: null } as const;
  const { message, hint } = apiError(url, failure, '');
  return { state: 'failure', message, advice: hint, facts };
}

function jsonIn(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function versionIn(text: string): string | null {
  const { version } = jsonIn(text);
  return typeof version === 'string' && version.length <= 64 ? version : null;
}

function problemCodeIn(text: string): string | null {
  const { code, instance } = jsonIn(text);
  return typeof code === 'string' && typeof instance === 'string' ? code : null;
}

function versionOf({ status, text }: HttpResponse): string | null {
  return status === 200 ? versionIn(text) : null;
}

/**
 * Compares versions. Programs work with servers of the same major version; a newer server may have commands that this program
 * does not know.
 */
export function judgeVersion(
  { version: own, howToUpdate }: Pick<Way, 'version' | 'howToUpdate'>,
  server: string | null,
): Finding {
  const facts = { own, server };
  if (server === null) {
    const message = `this program is ${own}; the server shows its version only to those who are signed in`;
    return { state: 'ok', message, facts };
  }
  const order = compare(own, server);
  const both = `this program is ${own}, the server ${server}`;
  if (order === null || order === 0) return { state: 'ok', message: both, facts };
  const advice = howToUpdate(server);
  if (major(own) !== major(server)) {
    const message = `${both}: these versions are not made for each other`;
    return { state: 'failure', message, advice, facts };
  }
  const isOlder = order < 0;
  const message = `${both}, which is ${isOlder ? 'newer' : 'older'}`;
  return isOlder ? { state: 'warning', message, advice, facts } : { state: 'ok', message, facts };
}

function major(version: string): string {
  return version.split('.')[0] ?? '';
}

/** Returns a negative number if `a` is older than `b`; null if one of them is not a version. */
function compare(a: string, b: string): number | null {
  const [left, right] = [a, b].map((text) => /^(\d+)\.(\d+)\.(\d+)/.exec(text)?.slice(1).map(Number));
  if (left === undefined || right === undefined) return null;
  const at = left.findIndex((part, i) => part !== right[i]);
  return at === -1 ? 0 : (left[at] ?? 0) - (right[at] ?? 0);
}

function judgeClock({ response, at }: Answer): Finding {
  const theirs = Date.parse(response.headers['date'] ?? '');
  if (Number.isNaN(theirs)) return { state: 'ok', message: 'the server does not send its time' };
  // The Date header has whole seconds.
  const skewMs = Math.round(at - (theirs + 500));
  const facts = { skewMs };
  const seconds = Math.round(Math.abs(skewMs) / 1000);
  if (seconds * 1000 < WARNING_SKEW_MS) return { state: 'ok', message: 'agrees with the server', facts };
  const message = `this machine is ${seconds} s ${skewMs > 0 ? 'ahead of' : 'behind'} the server`;
  const advice = 'Set the clock of this machine, for example by turning on NTP.';
  return { state: seconds * 1000 < MAX_SKEW_MS ? 'warning' : 'failure', message, advice, facts };
}
