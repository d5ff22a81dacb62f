import { clientName } from '@culvert/client';
import type { Command } from 'commander';
import type { Scope } from '@culvert/contract';
import type { Session } from '../api.js';
import { identityOf, nameOf } from '../account/whoami.js';
import type { Action } from '../action.js';
import type { CommandContext } from '../command-context.js';
import type { Output } from '../output/output.js';
import { showPreviews } from '../preview/show-preview.js';
import { shortIds, showBytes, showTime } from '../output/readable.js';

/** Adds the command that shows whether Culvert answers, who is signed in, and what is connected. */
export function addStatusCommand(program: Command, action: Action): void {
  program
    .command('status')
    .summary('show the state of Culvert, your sign-in and your connections')
    .description(
      'Shows whether Culvert answers, who is signed in, and which traffic managers of the team are connected.',
    )
    .action(action(status));
}

async function status({ api, env, output, settings }: CommandContext): Promise<void> {
  const identity = identityOf(settings.url, await api.call('getMe'));
  const client = clientName();
  const { serverVersion } = await import('../api.js');
  const mayRead = (scope: Scope) => identity.scopes.includes(scope);
  const [version, sessions, previews] = await Promise.all([
    serverVersion(api),
    mayRead('sessions:read') ? api.list('listSessions', { query: { state: 'connected' } }) : null,
    mayRead('previews:read') ? api.list('listPreviews', { query: { client } }) : null,
  ]);
  const trafficManagers = sessions?.map(describe) ?? null;
  const running = await listRunning(env);
  output.result({ ...identity, serverVersion: version, trafficManagers, client, previews, running }, () => {
    output.fields([
      ['Server', version === null ? settings.url : `${settings.url} (Culvert ${version})`],
      ['Signed in as', nameOf(identity)],
      ['Team', identity.team?.name ?? 'none'],
    ]);
    if (trafficManagers !== null) showTrafficManagers(output, trafficManagers);
    if (previews !== null) {
      output.line('');
      if (previews.length === 0) output.line(`${client} has no previews.`);
      else showPreviews(output, previews, '');
    }
    if (running.length > 0) showRunning(output, running);
  });
}

/** Lists the running `culvert expose` and `culvert intercept` on this machine. */
async function listRunning(env: NodeJS.ProcessEnv) {
  const { thisMachine } = await import('@culvert/client');
  const { running } = thisMachine(env);
  return [...running.list('expose'), ...running.list('intercept')].map(
    ({ kind, name, target, url, server, pid, startedAt }) => ({
      kind,
      name,
      target,
      url,
      server,
      pid,
      startedAt,
    }),
  );
}

function showRunning(output: Output, running: Awaited<ReturnType<typeof listRunning>>): void {
  output.line('');
  output.table(
    ['RUNNING', 'NAME', 'TARGET', 'URL', 'SINCE'],
    running.map(({ kind, name, target, url, startedAt }) => [
      kind,
      name,
      target,
      url ?? '',
      showTime(startedAt),
    ]),
    '',
  );
}

type TrafficManager = ReturnType<typeof describe>;

function showTrafficManagers(output: Output, trafficManagers: readonly TrafficManager[]): void {
  output.line('');
  if (trafficManagers.length === 0) {
    output.line('No traffic manager is connected.');
    return;
  }
  const ids = shortIds(trafficManagers.map(({ id }) => id));
  output.table(
    ['TRAFFIC MANAGER', 'ID', 'KIND', 'VERSION', 'ROUND TRIP', 'CONNECTED SINCE'],
    trafficManagers.map(({ name, kind, version, roundTripMs, connectedAt }, i) => [
      name,
      ids[i] ?? '',
      kind,
      version,
      showRoundTrip(roundTripMs),
      showTime(connectedAt),
    ]),
    '',
  );
  showTunnels(output, trafficManagers);
}

/** Lists the tunnels of the traffic managers, each with its edge. */
function showTunnels(output: Output, trafficManagers: readonly TrafficManager[]): void {
  const rows = trafficManagers.flatMap(({ name, tunnels }) => tunnels.map((tunnel) => ({ name, ...tunnel })));
  if (rows.length === 0) return;
  output.line('');
  output.table(
    ['TUNNEL OF', 'EDGE', 'ROUND TRIP', 'STREAMS', 'RECEIVED', 'SENT', 'OPEN SINCE'],
    rows.map(({ name, edgeName, edgeId, roundTripMs, streamCount, receivedBytes, sentBytes, openedAt }) => [
      name,
      // A restarted edge has the same name and another id.
      edgeName === '' ? edgeId : `${edgeName} ${edgeId.slice(0, 8)}`,
      showRoundTrip(roundTripMs),
      String(streamCount),
      showBytes(receivedBytes),
      showBytes(sentBytes),
      showTime(openedAt),
    ]),
    '',
  );
}

function showRoundTrip(roundTripMs: number | null): string {
  return roundTripMs === null ? '' : `${roundTripMs.toFixed(1)} ms`;
}

/** @param session has no `tunnels` if the server is older */
function describe(session: Omit<Session, 'tunnels'> & Partial<Pick<Session, 'tunnels'>>) {
  const { trafficManagerId, trafficManager, kind, version, roundTripMs, connectedAt, tunnels = [] } = session;
  const name = trafficManager.name || trafficManager.managerId;
  return { id: trafficManagerId, name, kind, version, roundTripMs, connectedAt, tunnels };
}
