/** How to come to the meeting point of a cluster: its address, and who one is there. */
import { WORKSTATION_PREFIX } from '@culvert/contract';
import {
  MeetingClient,
  MeetingError,
  meetingPointUrl,
  type MeetingClientOptions,
} from '@culvert/meeting-point';
import { CliError } from '../cli-error.js';
import { clientName } from '../client-name.js';
import type { CommandContext } from '../command-context.js';
import type { Ending } from '../ending.js';
import { EXIT, type ExitCode } from '../exit-code.js';
import { trusted } from '../http.js';
import { VERSION } from '../version.js';
import type { ManagerFlags } from './intercept-flags.js';

const CONNECT_TIMEOUT_MS = 10_000;
/** As long as the meeting point takes it. */
const MAX_NAME_LENGTH = 128;

const PORT_FORWARD =
  'Run "kubectl port-forward --namespace ambassador service/traffic-manager 8085", and give --manager http://localhost:8085.';

/** The address that a flag or the environment gives; null when neither does. @throws CliError */
export function findManagerUrl({ manager }: ManagerFlags, env: NodeJS.ProcessEnv): string | null {
  if (manager !== undefined) return readUrl(manager, '--manager');
  const fromEnvironment = env['CULVERT_CLUSTER_URL'];
  return fromEnvironment ? readUrl(fromEnvironment, 'CULVERT_CLUSTER_URL') : null;
}

/** http where nothing else is said: inside a cluster, and through a forwarded port. */
function readUrl(text: string, source: string): string {
  const url = meetingPointUrl(/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`);
  if (url !== null) return url.origin + url.pathname.replace(/\/+$/, '');
  throw new CliError(EXIT.usage, `${source} must be the address of a traffic manager; it is "${text}"`, {
    hint: 'Such as http://localhost:8085.',
  });
}

/** @throws CliError */
export function managerUrl(flags: ManagerFlags, env: NodeJS.ProcessEnv): string {
  const found = findManagerUrl(flags, env);
  if (found !== null) return found;
  throw new CliError(EXIT.usage, "nothing says where the cluster's traffic manager is", {
    hint: PORT_FORWARD,
  });
}

/** @throws CliError when there is neither a secret nor somebody who is signed in */
export function clusterCredential(context: CommandContext): () => Promise<string> {
  const secret = context.env['CULVERT_CLUSTER_SECRET']?.trim();
  if (secret) return () => Promise.resolve(secret);
  const { bearer } = context;
  return () => bearer.secret();
}

type Events = Omit<MeetingClientOptions, 'url' | 'ca' | 'credential' | 'id' | 'name' | 'version' | 'events'>;

/**
 * A client of the meeting point that dials at once. What no waiting mends ends the command.
 * @param onLost the connection is gone; others are tried
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
  const ca = trusted(context.settings.ca)?.join('\n');
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
        if (error !== null && (status !== null || !wasConnected)) ending.end(error);
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
    const message = `the traffic manager at ${url} does not let this machine in`;
    return new CliError(EXIT.unreachable, message, {
      hint: 'It may be unable to ask Culvert who you are; look at its log.',
    });
  });
}

/** What a refused request of a client means to a person. */
export function meetingError(error: unknown): unknown {
  if (!(error instanceof MeetingError)) return error;
  const [exitCode, hint] = MEETING_ERRORS[error.code];
  return new CliError(exitCode, error.message, { hint, cause: error });
}

const MEETING_ERRORS: Readonly<Record<MeetingError['code'], readonly [ExitCode, string]>> = {
  BAD_ARGS: [EXIT.usage, 'Look at the flags: "culvert intercept --help" says what they take.'],
  CONFLICT: [EXIT.conflict, 'Choose a header or value of your own with --http-header, or ask them to leave.'],
  LIMIT: [EXIT.conflict, 'End some intercepts with "culvert leave"; "culvert list" shows them.'],
  NOT_FOUND: [EXIT.notFound, '"culvert list" shows the intercepts that there are.'],
  LOST: [EXIT.unreachable, 'Try again.'],
};

/** Null for what passes by itself. */
function refusalOf(url: string, status: number | null, reason: string): CliError | null {
  switch (status) {
    case 401:
      return new CliError(EXIT.notSignedIn, `the traffic manager at ${url} does not know your credential`, {
        hint: 'Sign in at the Culvert that it belongs to, or set CULVERT_CLUSTER_SECRET.',
      });
    case 403:
      return new CliError(EXIT.refused, `the traffic manager at ${url} does not let you intercept`, {
        hint: 'It takes a credential of its own team with the scope intercepts:write; "culvert whoami" shows yours.',
      });
    case 404:
      return new CliError(EXIT.unreachable, `${url} is not the meeting point of a traffic manager`, {
        hint: 'It is the port that CULVERT_CLUSTER_PORT names, 8085 in the Helm chart.',
      });
    case null:
      return new CliError(EXIT.unreachable, `the traffic manager cannot be reached at ${url}: ${reason}`, {
        hint: PORT_FORWARD,
      });
    default:
      return null;
  }
}
