import { clientName } from '@culvert/client';
import type { Scope } from '@culvert/contract';
import type { Session } from '../api.js';
import { identityOf, nameOf } from '../account/whoami.js';
import type { CommandContext } from '../command-context.js';
import type { Output } from '../output/output.js';
import { showPreviews } from '../preview/show-preview.js';
import { shortIds, showTime } from '../output/readable.js';
import { serverVersion } from './server-version.js';
import { showTunnelCount } from '../sessions/tunnel-count.js';
import { showRoundTrip, showTunnels } from '../sessions/show-tunnels.js';

/** Prints the state of Culvert, of the sign-in and of connections. */
export async function status({ api, env, output, settings }: CommandContext): Promise<void> {
  const identity = identityOf(settings.url, await api.call('getMe'));
  const client = clientName();
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

/** Lists the running `culvert expose`, `culvert up` and `culvert intercept` on this machine. */
async function listRunning(env: NodeJS.ProcessEnv) {
  const { thisMachine } = await import('@culvert/client');
  const { running } = thisMachine(env);
  return (['expose', 'up', 'intercept'] as const)
    .flatMap((kind) => running.list(kind))
    .map(({ kind, name, target, url, server, pid, startedAt }) => ({
      kind,
      name,
      target,
      url,
      server,
      pid,
      startedAt,
    }));
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
    ['TRAFFIC MANAGER', 'ID', 'KIND', 'VERSION', 'TUNNELS', 'ROUND TRIP', 'CONNECTED SINCE'],
    trafficManagers.map((manager, i) => [
      manager.name,
      ids[i] ?? '',
      manager.kind,
      manager.version,
      showTunnelCount(manager),
      showRoundTrip(manager.roundTripMs),
      showTime(manager.connectedAt),
    ]),
    '',
  );
  showTunnels(output, trafficManagers);
}

/** Members of a session that older servers do not send. */
type Newer = Pick<Session, 'tunnels' | 'wantedTunnelCount'>;

function describe(session: Omit<Session, keyof Newer> & Partial<Newer>) {
  const { trafficManagerId, trafficManager, kind, version, roundTripMs, connectedAt } = session;
  const { tunnelCount, wantedTunnelCount = null, tunnels = [] } = session;
  const name = trafficManager.name || trafficManager.managerId;
  const figures = { tunnelCount, wantedTunnelCount, roundTripMs };
  return { id: trafficManagerId, name, kind, version, ...figures, connectedAt, tunnels };
}
