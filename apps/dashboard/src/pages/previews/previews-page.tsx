import { Button, Code, Group, Text } from '@mantine/core';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { lazy, Suspense, useCallback, useMemo, useState, type ReactElement } from 'react';
import { Link, useLocation } from 'wouter';
import { previewList, nameOfPreview, type Preview } from '../../api/previews.js';
import { trafficOfPreviews, type Traffic } from '../../api/preview-metrics.js';
import { teamOfCaller } from '../../api/team.js';
import { EmptyState } from '../../components/empty-state.js';
import { AccessBadge } from '../../components/access-badge.js';
import { Page } from '../../components/page.js';
import { PreviewState, useConnectedManagers } from '../../components/preview-state.js';
import { QueryView } from '../../components/query-view.js';
import { ScopedButton } from '../../components/scoped-button.js';
import { TimeAgo } from '../../components/time-ago.js';
import { VirtualTable, type Column } from '../../components/virtual-table.js';
import { IconPlus, IconTrash, IconWorldShare } from '../../icons.js';
import { PreviewFilters } from './preview-filters.js';
import { PreviewMenu } from './preview-menu.js';
import { TrafficCell } from './preview-traffic.js';
import { texts } from './texts.js';
import { usePreviewActions } from './use-preview-actions.js';
import { usePreviewFilter } from './use-preview-filter.js';
import classes from './previews-page.module.css';

const QrDialog = lazy(async () => ({ default: (await import('./qr-dialog.js')).QrDialog }));

/** Every preview of the team. */
export function PreviewsPage(): ReactElement {
  const [, navigate] = useLocation();
  const { filter, isFiltered, setFilter, clear } = usePreviewFilter();
  const query = useInfiniteQuery(previewList(filter));
  const team = useQuery(teamOfCaller());
  const { remove } = usePreviewActions();
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const [shownQr, setShownQr] = useState<Preview | null>(null);

  const previews = useMemo(() => query.data?.pages.flatMap(({ items }) => items) ?? [], [query.data]);
  const byId = useMemo(() => new Map(previews.map((preview) => [preview.id, preview])), [previews]);
  const chosen = [...selected].flatMap((id) => byId.get(id) ?? []);
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = query;
  const loadMore = useCallback(() => {
    if (hasNextPage && !isFetchingNextPage) void fetchNextPage();
  }, [hasNextPage, isFetchingNextPage, fetchNextPage]);
  const connected = useConnectedManagers();
  const { data: traffic } = useQuery(trafficOfPreviews());
  const columns = useMemo(() => columnsOf(connected, traffic, setShownQr), [connected, traffic]);
  const total = isFiltered || !hasNextPage ? undefined : team.data?.use.previews;

  const isEmpty = query.data !== undefined && previews.length === 0 && !query.isPlaceholderData;
  return (
    <Page
      title={texts.previewsPage.previews}
      description={texts.previewsPage.description}
      actions={
        <ScopedButton
          needs="previews:write"
          leftSection={<IconPlus size={16} />}
          onClick={() => navigate('/previews/new')}
        >
          {texts.previewsPage.createPreview}
        </ScopedButton>
      }
    >
      {(!isEmpty || isFiltered) && (
        <PreviewFilters
          filter={filter}
          onChange={setFilter}
          workloads={choices(previews, ({ intercept }) => intercept.workload, filter.workload)}
          clients={choices(previews, ({ intercept }) => intercept.client, filter.client)}
        />
      )}
      <QueryView query={query}>
        {() =>
          isEmpty ? (
            <NothingThere isFiltered={isFiltered} onClear={clear} />
          ) : (
            <VirtualTable
              label={texts.previewsPage.previews}
              columns={columns}
              rows={previews}
              keyOf={keyOfPreview}
              {...(total === undefined ? {} : { count: total })}
              onNearEnd={loadMore}
              selection={{
                selected,
                onChange: setSelected,
                nameOf: (key) => byId.get(key)?.hostname ?? key,
              }}
            />
          )
        }
      </QueryView>
      {!isEmpty && previews.length > 0 && (
        <Text size="sm" c="dimmed" mt="xs" role="status">
          {countOf(previews.length, hasNextPage, total)}
        </Text>
      )}
      {chosen.length > 0 && (
        <Group className={classes['bar']} justify="space-between">
          <Text size="sm">{texts.previewsPage.selected(chosen.length)}</Text>
          <Group gap="xs">
            <Button variant="default" size="xs" onClick={() => setSelected(new Set())}>
              {texts.previewsPage.clearSelection}
            </Button>
            <ScopedButton
              needs="previews:write"
              size="xs"
              color="red"
              leftSection={<IconTrash size={14} />}
              onClick={() => void remove(chosen).then((isDone) => isDone && setSelected(new Set()))}
            >
              {texts.previewsPage.remove}
            </ScopedButton>
          </Group>
        </Group>
      )}
      <Suspense fallback={null}>
        {shownQr !== null && <QrDialog preview={shownQr} onClose={() => setShownQr(null)} />}
      </Suspense>
    </Page>
  );
}

function keyOfPreview({ id }: Preview): string {
  return id;
}

function columnsOf(
  connected: ReadonlySet<string> | undefined,
  traffic: ReadonlyMap<string, Traffic> | undefined,
  onShowQrCode: (preview: Preview) => void,
): Column<Preview>[] {
  return [
    {
      key: 'name',
      header: texts.previewsPage.preview,
      width: 'minmax(8rem, 3fr)',
      onPhone: 'title',
      render: (preview) => (
        <>
          <Link href={`/previews/${preview.id}`} className={classes['name']}>
            {nameOfPreview(preview)}
          </Link>
          <Text size="xs" c="dimmed" truncate>
            {preview.hostname}
          </Text>
        </>
      ),
    },
    {
      key: 'workload',
      header: texts.previewsPage.workload,
      width: 'minmax(6rem, 2fr)',
      render: ({ intercept }) => (
        <>
          <Text size="sm" truncate>
            {intercept.workload}
          </Text>
          <Text size="xs" c="dimmed" truncate>
            {[intercept.namespace, intercept.client].filter((part) => part !== '').join(' · ')}
          </Text>
        </>
      ),
    },
    {
      key: 'state',
      header: texts.previewsPage.state,
      width: '6.5rem',
      render: ({ trafficManagerId }) => <PreviewState isConnected={connected?.has(trafficManagerId)} />,
    },
    {
      key: 'access',
      header: texts.previewsPage.access,
      width: '4.5rem',
      render: ({ access }) => <AccessBadge access={access} />,
    },
    {
      key: 'traffic',
      header: texts.previewsPage.lastHour,
      width: 'minmax(6.5rem, 2fr)',
      render: (preview) => <TrafficCell traffic={traffic?.get(preview.id)} name={nameOfPreview(preview)} />,
    },
    {
      key: 'used',
      header: texts.previewsPage.lastUsed,
      width: 'minmax(5rem, 7rem)',
      onPhone: 'hidden',
      render: ({ lastUsedAt }) => (
        <Text size="sm" c="dimmed" component="span">
          <TimeAgo at={lastUsedAt} />
        </Text>
      ),
    },
    {
      key: 'actions',
      header: '',
      width: '2rem',
      onPhone: 'corner',
      isRightAligned: true,
      render: (preview) => <PreviewMenu preview={preview} onShowQrCode={onShowQrCode} />,
    },
  ];
}

function NothingThere({ isFiltered, onClear }: { isFiltered: boolean; onClear: () => void }): ReactElement {
  return isFiltered ? (
    <EmptyState
      icon={IconWorldShare}
      title={texts.previewsPage.noMatch}
      action={
        <Button variant="default" onClick={onClear}>
          {texts.previewsPage.showAllPreviews}
        </Button>
      }
    >
      {texts.previewsPage.noMatchText}
    </EmptyState>
  ) : (
    <EmptyState
      icon={IconWorldShare}
      title={texts.previewsPage.none}
      action={
        <Group>
          <Button component={Link} href="/previews/new">
            {texts.previewsPage.createPreview}
          </Button>
          <Button component={Link} href="/" variant="default">
            {texts.previewsPage.showMeHow}
          </Button>
        </Group>
      }
    >
      {texts.previewsPage.noneText(<Code>culvert expose 3000</Code>)}
    </EmptyState>
  );
}

function choices(
  previews: readonly Preview[],
  valueOf: (preview: Preview) => string,
  chosen: string,
): string[] {
  const values = new Set(previews.map(valueOf));
  values.add(chosen);
  values.delete('');
  return [...values].toSorted((a, b) => a.localeCompare(b));
}

function countOf(loaded: number, hasMore: boolean, total: number | undefined): string {
  return texts.previewsPage.count(loaded, hasMore, total);
}
