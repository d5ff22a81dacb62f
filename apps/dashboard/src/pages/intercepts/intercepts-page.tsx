import { Anchor, Button, Code, Group, Select, Stack, Text } from '@mantine/core';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useEffect, useMemo, useState, type ReactElement } from 'react';
import { Link } from 'wouter';
import { answerOf, api } from '../../api/client.js';
import { restorePreview } from '../../api/previews.js';
import { refresh } from '../../api/refresh.js';
import { useConfirm } from '../../components/confirm.js';
import { Disposition } from '../../components/disposition.js';
import { EmptyState } from '../../components/empty-state.js';
import { Page } from '../../components/page.js';
import { QueryView } from '../../components/query-view.js';
import { RowMenu } from '../../components/row-menu.js';
import { matches, SearchField } from '../../components/search-field.js';
import { TimeAgo } from '../../components/time-ago.js';
import { toastDone, toastProblem } from '../../components/toast.js';
import { VirtualTable, type Column } from '../../components/virtual-table.js';
import { count } from '../../format.js';
import { IconArrowsSplit2, IconSearch } from '../../icons.js';
import {
  followPreviewsOfIntercepts,
  intercepts,
  previewsByIntercept,
  type Intercept,
  type Preview,
} from './intercepts.js';

interface Row {
  readonly intercept: Intercept;
  readonly previews: readonly Preview[];
}

/** Intercepted workloads, and their clients. */
export function InterceptsPage(): ReactElement {
  const all = useQuery(intercepts());
  const previews = useQuery(previewsByIntercept());
  useEffect(followPreviewsOfIntercepts, []);
  return (
    <Page
      title="Intercepts"
      description="Workloads whose traffic is intercepted, and the requests that match. The cluster does the intercepting."
    >
      <QueryView query={all}>
        {(list) =>
          list.length === 0 ? (
            <EmptyState
              icon={IconArrowsSplit2}
              title="No intercepts"
              action={
                <Button component={Link} href="/previews/new">
                  Create a preview
                </Button>
              }
            >
              An intercept appears together with its preview: when you create one here, or run{' '}
              <Code>telepresence intercept</Code> with a preview URL.
            </EmptyState>
          ) : (
            <QueryView query={previews}>
              {(byIntercept) => (
                <Intercepts
                  rows={list.map((intercept) => ({
                    intercept,
                    previews: byIntercept.get(intercept.id) ?? [],
                  }))}
                />
              )}
            </QueryView>
          )
        }
      </QueryView>
    </Page>
  );
}

function Intercepts({ rows }: { rows: readonly Row[] }): ReactElement {
  const [search, setSearch] = useState('');
  const [namespace, setNamespace] = useState<string | null>(null);
  const namespaces = useMemo(
    () => [...new Set(rows.map(({ intercept }) => intercept.namespace))].toSorted(),
    [rows],
  );
  const shown = rows
    .filter(({ intercept }) => namespace === null || intercept.namespace === namespace)
    .filter(({ intercept: { name, workload, client, mechanism, mechanismArgs, removedPreview }, previews }) =>
      matches(
        search,
        name,
        workload,
        client,
        mechanism,
        ...mechanismArgs,
        ...previews.map(({ hostname }) => hostname),
        removedPreview?.hostname ?? '',
      ),
    )
    .toSorted(
      (a, b) =>
        a.intercept.namespace.localeCompare(b.intercept.namespace) ||
        a.intercept.workload.localeCompare(b.intercept.workload),
    );
  return (
    <Stack>
      <Group gap="sm">
        <SearchField label="Search intercepts" value={search} onChange={setSearch} />
        {namespaces.length > 1 && (
          <Select
            aria-label="Namespace"
            placeholder="All namespaces"
            data={namespaces}
            value={namespace}
            onChange={setNamespace}
            clearable
            searchable
            w={220}
          />
        )}
      </Group>
      {shown.length === 0 ? (
        <EmptyState
          icon={IconSearch}
          title="No intercepts match"
          action={
            <Button
              variant="default"
              onClick={() => {
                setSearch('');
                setNamespace(null);
              }}
            >
              Show all
            </Button>
          }
        />
      ) : (
        <VirtualTable
          label="Intercepts"
          columns={COLUMNS}
          rows={shown}
          keyOf={({ intercept }) => intercept.id}
        />
      )}
    </Stack>
  );
}

const COLUMNS: readonly Column<Row>[] = [
  {
    key: 'workload',
    header: 'Workload',
    width: 'minmax(9rem, 1.3fr)',
    onPhone: 'title',
    render: ({ intercept: { workload, workloadKind, namespace } }) => (
      <>
        <Text size="sm" fw={500}>
          {workload}
        </Text>
        <Text size="xs" c="dimmed">
          {workloadKind === '' ? namespace : `${workloadKind} in ${namespace}`}
        </Text>
      </>
    ),
  },
  {
    key: 'who',
    header: 'By',
    width: 'minmax(8rem, 1fr)',
    render: ({ intercept: { client, createdAt } }) => (
      <>
        <Text size="sm">{client === '' ? 'unknown' : client}</Text>
        <Text size="xs" c="dimmed">
          <TimeAgo at={createdAt} />
        </Text>
      </>
    ),
  },
  {
    key: 'mechanism',
    header: 'Mechanism',
    width: 'minmax(9rem, 1.4fr)',
    render: ({ intercept }) => <Mechanism {...intercept} />,
  },
  {
    key: 'disposition',
    header: 'State',
    width: 'minmax(7.5rem, 0.8fr)',
    render: ({ intercept }) => <Disposition {...intercept} />,
  },
  {
    key: 'preview',
    header: 'Preview',
    width: 'minmax(9rem, 1.5fr)',
    render: ({ intercept, previews }) => (
      <>
        {previews.length === 0 && intercept.removedPreview === null && (
          <Text size="sm" c="dimmed">
            none
          </Text>
        )}
        {previews.map(({ id, hostname }) => (
          <Anchor
            key={id}
            component={Link}
            href={`/previews/${id}`}
            size="sm"
            display="block"
            truncate
            title={hostname}
          >
            {hostname}
          </Anchor>
        ))}
        <RemovedPreview {...intercept} />
      </>
    ),
  },
  {
    key: 'actions',
    header: '',
    width: '2rem',
    onPhone: 'corner',
    render: (row) => <Actions {...row} />,
  },
];

function Mechanism({ mechanism, mechanismArgs, headers }: Intercept): ReactElement {
  const rules = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  const details = [...mechanismArgs, ...rules];
  return (
    <>
      <Text size="sm">{mechanism === '' ? '–' : mechanism}</Text>
      {details.map((detail) => (
        <Text key={detail} size="xs" c="dimmed" ff="monospace">
          {detail}
        </Text>
      ))}
    </>
  );
}

/** The preview that a Telepresence traffic manager still shows to its developer. */
function RemovedPreview({ name, removedPreview }: Intercept): ReactElement | null {
  if (removedPreview === null) return null;
  return (
    <>
      <Text size="sm" td="line-through" truncate title={removedPreview.hostname}>
        {removedPreview.hostname}
      </Text>
      <Text size="xs" c="dimmed">
        Removed, but its traffic manager still shows it. Its developer must run{' '}
        <Code>telepresence preview remove {name}</Code>
      </Text>
    </>
  );
}

function Actions({ intercept, previews }: Row): ReactElement {
  const restoring = useMutation({
    mutationFn: () => restorePreview(intercept.id),
    onSuccess: ({ hostname }) => toastDone(`Restored ${hostname}`),
    onError: (error) => toastProblem(error, 'The preview could not be restored'),
    onSettled: () => refresh('intercept', 'preview'),
  });
  const confirm = useConfirm();
  const removal = useMutation({
    mutationFn: () =>
      answerOf(
        api.DELETE('/api/v1/intercepts/{interceptId}', { params: { path: { interceptId: intercept.id } } }),
      ),
    onSuccess: () => toastDone(`Removed the intercept of ${intercept.workload}`),
    onError: (error) => toastProblem(error, 'The intercept could not be removed'),
    onSettled: () => refresh('intercept', 'preview'),
  });
  const ask = async (): Promise<void> => {
    const isSure = await confirm({
      title: `Remove the intercept of ${intercept.workload}?`,
      text: (
        <>
          {previews.length > 0 &&
            `This also removes ${count(previews.length, 'preview')}: ${previews.map(({ hostname }) => hostname).join(', ')}. `}
          The cluster keeps intercepting until the intercept is ended there.
        </>
      ),
      confirm: 'Remove',
      isDangerous: true,
    });
    if (isSure) removal.mutate();
  };
  return (
    <RowMenu
      label={`Actions for the intercept ${intercept.name}`}
      actions={[
        ...(intercept.removedPreview === null
          ? []
          : [
              {
                label: 'Restore preview',
                needs: 'previews:write',
                onClick: () => restoring.mutate(),
              } as const,
            ]),
        { label: 'Remove', needs: 'intercepts:write', onClick: () => void ask(), isDangerous: true },
      ]}
    />
  );
}
