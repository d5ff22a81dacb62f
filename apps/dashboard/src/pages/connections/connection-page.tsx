import { Divider, Group, Paper, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Fragment, type ReactElement, type ReactNode } from 'react';
import { useLocation } from 'wouter';
import { answerOf, api } from '../../api/client.js';
import { keyOf } from '../../api/keys.js';
import { nameOfManager, type Session, type TrafficManager } from '../../api/traffic-managers.js';
import { BackLink } from '../../components/back-link.js';
import { CopyIcon } from '../../components/copy-button.js';
import { Facts, type Fact } from '../../components/facts.js';
import { Page } from '../../components/page.js';
import { QueryView } from '../../components/query-view.js';
import { RowMenu } from '../../components/row-menu.js';
import { PageSection } from '../../components/page-section.js';
import { TimeAgo } from '../../components/time-ago.js';
import { formatBytes, formatMilliseconds, formatNumber, formatTime } from '../../intl.js';
import { ConnectionHistory } from './connection-history.js';
import { ConnectionState } from './connection-state.js';
import { useManagerActions } from './manager-actions.js';
import { SessionCredential } from './session-credential.js';
import { LOAD_POLL_MS } from './sessions.js';
import { texts } from './texts.js';
import { TunnelCount } from './tunnel-count.js';

interface Details {
  readonly manager: TrafficManager;
  /** Sessions, newest first, including ended ones. */
  readonly sessions: readonly Session[];
}

/** One traffic manager: the state and history of its tunnels. */
export function ConnectionPage({
  params,
}: {
  params: Readonly<Record<string, string | undefined>>;
}): ReactElement {
  const id = params['id'] ?? '';
  const details = useQuery({
    queryKey: keyOf('traffic-manager', id),
    queryFn: async (): Promise<Details> => {
      const [manager, sessions] = await Promise.all([
        answerOf(
          api.GET('/api/v1/traffic-managers/{trafficManagerId}', {
            params: { path: { trafficManagerId: id } },
          }),
        ),
        answerOf(api.GET('/api/v1/sessions', { params: { query: { trafficManagerId: id, limit: 20 } } })),
      ]);
      return { manager, sessions: sessions.items };
    },
    refetchInterval: LOAD_POLL_MS,
  });
  if (details.data === undefined) {
    return (
      <Page
        title={texts.connectionPage.trafficManager}
        back={<BackLink href="/connections">{texts.connectionPage.connections}</BackLink>}
      >
        <QueryView query={details}>{() => null}</QueryView>
      </Page>
    );
  }
  return <Shown {...details.data} />;
}

function Shown({ manager, sessions }: Details): ReactElement {
  const [, navigate] = useLocation();
  const living = sessions.filter(({ state }) => state !== 'ended');
  const session = living.find(({ state }) => state === 'connected') ?? living[0];
  const { actions, dialogs } = useManagerActions(manager, session, () => navigate('/connections'));
  const name = nameOfManager(manager);
  return (
    <Page
      title={name}
      back={<BackLink href="/connections">{texts.connectionPage.connections}</BackLink>}
      description={<ConnectionState manager={manager} session={session} />}
      actions={<RowMenu label={texts.connectionPage.actionsFor(name)} actions={actions} />}
    >
      {dialogs}
      <Stack gap="xl">
        <Paper p="lg">
          <Facts layout="grid" facts={factsOf(manager)} />
        </Paper>
        <PageSection title={texts.connectionPage.session} description={texts.connectionPage.sessionAbout}>
          {session === undefined ? (
            <Text c="dimmed">
              {manager.lastSeenAt === null
                ? texts.connectionPage.neverConnected
                : texts.connectionPage.noSession}
            </Text>
          ) : (
            <Stack>
              {living.map((each) => (
                <Paper key={each.id} p="lg">
                  <Facts layout="grid" facts={factsOfSession(each)} />
                  {each.tunnels.map((tunnel) => (
                    <Fragment key={tunnel.id}>
                      <Divider my="md" />
                      <Facts layout="grid" facts={factsOfTunnel(tunnel)} />
                    </Fragment>
                  ))}
                  {each.tunnels.length < each.tunnelCount && (
                    <Text size="sm" c="dimmed" mt="md">
                      {texts.connectionPage.notShown(each.tunnelCount - each.tunnels.length)}
                    </Text>
                  )}
                </Paper>
              ))}
            </Stack>
          )}
        </PageSection>
        <PageSection title={texts.connectionPage.history} description={texts.connectionPage.historyAbout}>
          <Paper px="lg" py="xs">
            <ConnectionHistory trafficManagerId={manager.id} />
          </Paper>
        </PageSection>
      </Stack>
    </Page>
  );
}

function factsOf(manager: TrafficManager): readonly Fact[] {
  return [
    [
      texts.connectionPage.managerId,
      <Copied key="id" value={manager.managerId} label={texts.connectionPage.copyManagerId} />,
    ],
    [texts.connectionPage.cluster, orDash(manager.clusterId)],
    [
      texts.connectionPage.kind,
      manager.kind === 'native' ? texts.connectionPage.culvert : texts.connectionPage.telepresence,
    ],
    [texts.connectionPage.version, orDash(manager.version)],
    [texts.connectionPage.lastSeen, <TimeAgo key="seen" at={manager.lastSeenAt} />],
    [texts.connectionPage.registered, formatTime(manager.createdAt)],
  ];
}

function factsOfSession(session: Session): readonly Fact[] {
  return [
    [texts.connectionPage.since, <TimeAgo key="since" at={session.connectedAt} />],
    [texts.connectionPage.tunnels, <TunnelCount key="tunnels" {...session} />],
    [texts.connectionPage.openStreams, formatNumber(session.streamCount)],
    [texts.connectionPage.receivedFromIt, formatBytes(session.receivedBytes)],
    [texts.connectionPage.sentToIt, formatBytes(session.sentBytes)],
    [texts.connectionPage.credential, <SessionCredential key="credential" session={session} />],
    [texts.connectionPage.lastAddress, session.tunnelCount === 0 && session.remoteAddress],
  ];
}

function factsOfTunnel(tunnel: Session['tunnels'][number]): readonly Fact[] {
  const edge = tunnel.edgeName === '' ? tunnel.edgeId : `${tunnel.edgeName} (${tunnel.edgeId})`;
  return [
    [
      texts.connectionPage.tunnelToEdge,
      <Copied key="edge" value={edge} label={texts.connectionPage.copyEdge} />,
    ],
    [texts.connectionPage.openSince, <TimeAgo key="since" at={tunnel.openedAt} />],
    [
      texts.connectionPage.roundTrip,
      tunnel.roundTripMs === null ? '–' : formatMilliseconds(tunnel.roundTripMs),
    ],
    [texts.connectionPage.openStreams, formatNumber(tunnel.streamCount)],
    [texts.connectionPage.receivedFromIt, formatBytes(tunnel.receivedBytes)],
    [texts.connectionPage.sentToIt, formatBytes(tunnel.sentBytes)],
    [texts.connectionPage.address, tunnel.remoteAddress],
  ];
}

function Copied({ value, label }: { value: string; label: string }): ReactNode {
  return (
    <Group gap={2} wrap="nowrap">
      <Text size="sm" truncate title={value}>
        {value}
      </Text>
      <CopyIcon value={value} label={label} />
    </Group>
  );
}

function orDash(text: string): string {
  return text === '' ? '–' : text;
}
