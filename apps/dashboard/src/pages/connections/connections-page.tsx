import { Anchor, Button, Group, SegmentedControl, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useMemo, useState, type ReactElement } from 'react';
import { Link } from 'wouter';
import {
  nameOfManager,
  trafficManagers,
  type Session,
  type TrafficManager,
} from '../../api/traffic-managers.js';
import { EmptyState } from '../../components/empty-state.js';
import { Page } from '../../components/page.js';
import { QueryView } from '../../components/query-view.js';
import { RowMenu } from '../../components/row-menu.js';
import { matches, SearchField } from '../../components/search-field.js';
import { TimeAgo } from '../../components/time-ago.js';
import { VirtualTable, type Column } from '../../components/virtual-table.js';
import { formatBytes, formatMilliseconds, formatNumber } from '../../intl.js';
import { IconPlugConnected, IconSearch } from '../../icons.js';
import { ConnectionState } from './connection-state.js';
import { useManagerActions } from './manager-actions.js';
import { livingSessions, sessionOf } from './sessions.js';
import { texts } from './texts.js';
import { TunnelCount } from './tunnel-count.js';

interface Row {
  readonly manager: TrafficManager;
  readonly session: Session | undefined;
}

const SHOWN = [
  { value: 'all', label: texts.connectionsPage.all },
  { value: 'connected', label: texts.connectionsPage.connected },
  { value: 'away', label: texts.connectionsPage.away },
];

/** Every traffic manager of the team, with the state of its tunnels. */
export function ConnectionsPage(): ReactElement {
  const managers = useQuery(trafficManagers());
  const sessions = useQuery(livingSessions());
  return (
    <Page title={texts.connectionsPage.title} description={texts.connectionsPage.description}>
      <QueryView query={managers}>
        {(all) =>
          all.length === 0 ? (
            <EmptyState
              icon={IconPlugConnected}
              title={texts.connectionsPage.none}
              action={
                <Button component={Link} href="/">
                  {texts.connectionsPage.connectTrafficManager}
                </Button>
              }
            >
              {texts.connectionsPage.noneText}
            </EmptyState>
          ) : (
            <QueryView query={sessions}>
              {(living) => <Managers managers={all} sessions={living} />}
            </QueryView>
          )
        }
      </QueryView>
    </Page>
  );
}

function Managers(props: {
  readonly managers: readonly TrafficManager[];
  readonly sessions: readonly Session[];
}): ReactElement {
  const { managers, sessions } = props;
  const [search, setSearch] = useState('');
  const [shown, setShown] = useState('all');
  const rows = useMemo(
    () =>
      managers
        .map((manager) => ({ manager, session: sessionOf(sessions, manager.id) }))
        .filter(({ session }) => {
          const isConnected = session?.state === 'connected';
          return shown === 'all' || (shown === 'connected') === isConnected;
        })
        .filter(({ manager, session }) =>
          matches(
            search,
            manager.name,
            manager.managerId,
            manager.clusterId,
            manager.version,
            session?.remoteAddress ?? '',
          ),
        ),
    [managers, sessions, search, shown],
  );
  return (
    <Stack>
      <Group gap="sm">
        <SearchField
          label={texts.connectionsPage.searchTrafficManagers}
          value={search}
          onChange={setSearch}
        />
        <SegmentedControl
          data={SHOWN}
          value={shown}
          onChange={setShown}
          aria-label={texts.connectionsPage.filterByState}
        />
      </Group>
      {rows.length === 0 ? (
        <EmptyState
          icon={IconSearch}
          title={texts.connectionsPage.noTrafficManagersMatch}
          action={
            <Button
              variant="default"
              onClick={() => {
                setSearch('');
                setShown('all');
              }}
            >
              {texts.connectionsPage.showAll}
            </Button>
          }
        />
      ) : (
        <VirtualTable
          label={texts.connectionsPage.trafficManagers}
          columns={COLUMNS}
          rows={rows}
          keyOf={({ manager }) => manager.id}
        />
      )}
    </Stack>
  );
}

const COLUMNS: readonly Column<Row>[] = [
  {
    key: 'name',
    header: texts.connectionsPage.trafficManager,
    width: 'minmax(10rem, 2fr)',
    onPhone: 'title',
    render: ({ manager }) => (
      <>
        <Anchor component={Link} href={`/connections/${manager.id}`} fw={500} size="sm">
          {nameOfManager(manager)}
        </Anchor>
        <Text size="xs" c="dimmed" lineClamp={1}>
          {describe(manager)}
        </Text>
      </>
    ),
  },
  {
    key: 'state',
    header: texts.connectionsPage.state,
    width: 'minmax(8.5rem, 1fr)',
    render: ({ manager, session }) => (
      <>
        <ConnectionState manager={manager} session={session} />
        <Text size="xs" c="dimmed">
          {session?.state === 'connected'
            ? texts.connectionsPage.since(<TimeAgo at={session.connectedAt} />)
            : manager.lastSeenAt !== null && texts.connectionsPage.seen(<TimeAgo at={manager.lastSeenAt} />)}
        </Text>
      </>
    ),
  },
  {
    key: 'version',
    header: texts.connectionsPage.version,
    width: 'minmax(5rem, 0.7fr)',
    onPhone: 'hidden',
    render: ({ manager }) => <Text size="sm">{manager.version === '' ? '–' : manager.version}</Text>,
  },
  {
    key: 'tunnels',
    header: texts.connectionsPage.tunnels,
    width: '4.5rem',
    isRightAligned: true,
    onPhone: 'hidden',
    render: ({ session }) => (session === undefined ? '–' : <TunnelCount {...session} />),
  },
  {
    key: 'round-trip',
    header: texts.connectionsPage.roundTrip,
    width: '5.5rem',
    isRightAligned: true,
    onPhone: 'hidden',
    render: ({ session }) => {
      const roundTripMs = session?.roundTripMs ?? null;
      return roundTripMs === null ? '–' : formatMilliseconds(roundTripMs);
    },
  },
  {
    key: 'streams',
    header: texts.connectionsPage.streams,
    width: '4.5rem',
    isRightAligned: true,
    onPhone: 'hidden',
    render: ({ session }) => (session === undefined ? '–' : formatNumber(session.streamCount)),
  },
  {
    key: 'bytes',
    header: texts.connectionsPage.bytes,
    width: '12rem',
    isRightAligned: true,
    onPhone: 'hidden',
    render: ({ session }) =>
      session === undefined
        ? '–'
        : `${formatBytes(session.receivedBytes)} / ${formatBytes(session.sentBytes)}`,
  },
  {
    key: 'actions',
    header: '',
    width: '2rem',
    onPhone: 'corner',
    render: (row) => <Actions {...row} />,
  },
];

/** Returns a detail that distinguishes it from others with the same name. */
function describe(manager: TrafficManager): string {
  const { managerId, clusterId, kind } = manager;
  const own = managerId === nameOfManager(manager) ? '' : managerId;
  return [own, clusterId, KINDS[kind]].filter((text) => text !== '').join(' · ');
}

const KINDS: Readonly<Record<TrafficManager['kind'], string>> = {
  native: texts.connectionsPage.culvert,
  telepresence: texts.connectionsPage.telepresence,
};

function Actions({ manager, session }: Row): ReactElement {
  const { actions, dialogs } = useManagerActions(manager, session);
  return (
    <>
      <RowMenu label={texts.connectionsPage.actionsFor(nameOfManager(manager))} actions={actions} />
      {dialogs}
    </>
  );
}
