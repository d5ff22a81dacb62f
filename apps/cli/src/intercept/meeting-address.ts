/** How to reach the meeting point of a cluster: its URL, and the credential for it. */
import { clientName, VERSION } from '@culvert/client';
import { WORKSTATION_PREFIX } from '@culvert/contract';
import {
  MeetingClient,
  MeetingError,
  meetingPointUrl,
  type MeetingClientOptions,
} from '@culvert/meeting-point';
import { withUsualCertificates } from '@culvert/outbound';
import { CliError } from '../cli-error.js';
import type { CommandContext } from '../command-context.js';
import type { Ending } from '../ending.js';
import { EXIT, type ExitCode } from '../exit-code.js';
import type { ManagerFlags } from './intercept-flags.js';

const CONNECT_TIMEOUT_MS = 10_000;
/** The length limit of the meeting point. */
const MAX_NAME_LENGTH = 128;

const PORT_FORWARD =
  'Run "kubectl port-forward --namespace ambassador service/traffic-manager 8085", and set --manager http://localhost:8085.';

/** Returns the URL from a flag or the environment, or null. @throws CliError */
export function findManagerUrl({ manager }: ManagerFlags, env: NodeJS.ProcessEnv): string | null {
  if (manager !== undefined) return readUrl(manager, '--manager');
  const fromEnvironment = env['CULVERT_CLUSTER_URL'];
  return fromEnvironment ? readUrl(fromEnvironment, 'CULVERT_CLUSTER_URL') : null;
}

/** Without a scheme it is http: inside a cluster, or through a forwarded port. */
function readUrl(text: string, source: string): string {
  const url = meetingPointUrl(/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`);
  if (url !== null) return url.origin + url.pathname.replace(/\/+$/, '');
  throw new CliError(EXIT.usage, `${source} must be the URL of a traffic manager, not "${text}"`, {
    hint: 'For example http://localhost:8085.',
  });
}

/** @throws CliError */
export function managerUrl(flags: ManagerFlags, env: NodeJS.ProcessEnv): string {
  const found = findManagerUrl(flags, env);
  if (found !== null) return found;
  throw new CliError(EXIT.usage, "the URL of the cluster's traffic manager is not set", {
    hint: PORT_FORWARD,
  });
}

/** @throws CliError if there is neither a secret nor a sign-in */
export function clusterCredential(context: CommandContext): () => Promise<string> {
  const secret = context.env['CULVERT_CLUSTER_SECRET']?.trim();
  if (secret) return () => Promise.resolve(secret);
  const { bearer } = context;
  return () => bearer.secret();
}

/** Statuses that end a command even if it was connected before. */
const FINAL: ReadonlySet<number> = new Set([401, 403, 404]);
/** Statuses of a traffic manager, or of a proxy in front of one, that pass by themselves. */
const PASSING: ReadonlySet<number> = new Set([429, 503, 504]);

type Events = Omit<MeetingClientOptions, 'url' | 'ca' | 'credential' | 'id' | 'name' | 'version' | 'events'>;

/**
 * Creates a client of the meeting point that dials at once. Failures that retrying cannot solve end the command.
 * @param onLost called when the connection is lost; the client reconnects
 */
export function createMeetingClient(
  context: CommandContext,
  {
    url,
    machineId,
    ending,
    onLost,
    ...events
  }: Events & {
    readonly url: string;
    readonly machineId: string;
    readonly ending: Ending;
    readonly onLost: (reason: string) => void;
  },
): MeetingClient {
  const credential = clusterCredential(context);
  const ca = withUsualCertificates(context.settings.ca)?.join('\n');
  let wasConnected = false;
  return new MeetingClient({
    ...events,
    url: new URL(url),
    ca: ca === undefined ? undefined : () => Promise.resolve(ca),
    credential,
    id: WORKSTATION_PREFIX + machineId,
    name: clientName().slice(0, MAX_NAME_LENGTH),
    version: VERSION,
    onWelcome: (welcome) => {
      wasConnected = true;
      events.onWelcome?.(welcome);
    },
    events: {
      onDisconnected: ({ reason }) => onLost(reason),
      onRefused: (status, reason) => {
        const error = refusalOf(url, status, reason);
        // What answered before was a traffic manager, and a proxy in front of it may fail for a while.
        const isFinal = !wasConnected || (status !== null && FINAL.has(status));
        if (error !== null && isFinal) ending.end(error);
        else onLost(reason);
      },
      onCredentialError: (error) => ending.end(error),
      onFault: (error) => ending.end(error),
    },
  });
}

/** Resolves once the client is connected. @throws CliError */
export function whenConnected(client: MeetingClient, url: string, ending: Ending): Promise<void> {
  return ending.within(CONNECT_TIMEOUT_MS, client.whenConnected(), () => {
    const message = `the traffic manager at ${url} does not let this machine connect`;
    return new CliError(EXIT.unreachable, message, {
      hint: 'It may not reach Culvert to verify who you are. Check its log.',
    });
  });
}

/** Explains a refused request of a client to a person. */
export function meetingError(error: unknown): unknown {
  if (!(error instanceof MeetingError)) return error;
  const [exitCode, hint] = MEETING_ERRORS[error.code];
  return new CliError(exitCode, error.message, { hint, cause: error });
}

const MEETING_ERRORS: Readonly<Record<MeetingError['code'], readonly [ExitCode, string]>> = {
  BAD_ARGS: [EXIT.usage, 'Check the flags: "culvert intercept --help" lists them.'],
  CONFLICT: [
    EXIT.conflict,
    'Choose another header or value with --http-header, or ask the other person to leave.',
  ],
  LIMIT: [EXIT.conflict, 'End some intercepts with "culvert leave". "culvert list" shows them.'],
  NOT_FOUND: [EXIT.notFound, '"culvert list" shows the existing intercepts.'],
  LOST: [EXIT.unreachable, 'Try again.'],
};

/** Returns null for failures that pass by themselves. */
function refusalOf(url: string, status: number | null, reason: string): CliError | null {
  switch (status) {
    case 401:
      return new CliError(EXIT.notSignedIn, `the traffic manager at ${url} does not accept your credential`, {
        hint: 'Sign in to the Culvert that it belongs to, or set CULVERT_CLUSTER_SECRET.',
      });
    case 403:
      return new CliError(EXIT.refused, `the traffic manager at ${url} does not let you intercept`, {
        hint: 'You need a credential of its team with the scope intercepts:write. "culvert whoami" shows yours.',
      });
    case 404:
      return notMeetingPoint(url, status);
    case null:
      return new CliError(EXIT.unreachable, `the traffic manager cannot be reached at ${url}: ${reason}`, {
        hint: PORT_FORWARD,
      });
    default:
      // No traffic manager answers with another status: this is a server of another kind, such as an edge, or a proxy.
      return PASSING.has(status) ? null : notMeetingPoint(url, status);
  }
}

function notMeetingPoint(url: string, status: number): CliError {
  const message = `${url} is not the meeting point of a traffic manager (HTTP ${status})`;
  return new CliError(EXIT.unreachable, message, {
    hint: 'Use the port that CULVERT_CLUSTER_PORT names, 8085 in the Helm chart. It is not the URL of Culvert.',
  });
}
