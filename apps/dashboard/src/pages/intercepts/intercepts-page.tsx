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
import { IconArrowsSplit2, IconSearch } from '../../icons.js';
import {
  followPreviewsOfIntercepts,
  intercepts,
  previewsByIntercept,
  type Intercept,
  type Preview,
} from './intercepts.js';
import { texts } from './texts.js';

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
    <Page title={texts.interceptsPage.intercepts} description={texts.interceptsPage.description}>
      <QueryView query={all}>
        {(list) =>
          list.length === 0 ? (
            <EmptyState
              icon={IconArrowsSplit2}
              title={texts.interceptsPage.noneTitle}
              action={
                <Button component={Link} href="/previews/new">
                  {texts.interceptsPage.createPreview}
                </Button>
              }
            >
              {texts.interceptsPage.noneText(<Code>telepresence intercept</Code>)}
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
        <SearchField label={texts.interceptsPage.searchIntercepts} value={search} onChange={setSearch} />
        {namespaces.length > 1 && (
          <Select
            aria-label={texts.interceptsPage.namespace}
            placeholder={texts.interceptsPage.allNamespaces}
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
          title={texts.interceptsPage.noMatch}
          action={
            <Button
              variant="default"
              onClick={() => {
                setSearch('');
                setNamespace(null);
              }}
            >
              {texts.interceptsPage.showAll}
            </Button>
          }
        />
      ) : (
        <VirtualTable
          label={texts.interceptsPage.intercepts}
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
    header: texts.interceptsPage.workload,
    width: 'minmax(9rem, 1.3fr)',
    onPhone: 'title',
    render: ({ intercept: { workload, workloadKind, namespace } }) => (
      <>
        <Text size="sm" fw={500}>
          {workload}
        </Text>
        <Text size="xs" c="dimmed">
          {workloadKind === '' ? namespace : texts.interceptsPage.kindInNamespace(workloadKind, namespace)}
        </Text>
      </>
    ),
  },
  {
    key: 'who',
    header: texts.interceptsPage.by,
    width: 'minmax(8rem, 1fr)',
    render: ({ intercept: { client, createdAt } }) => (
      <>
        <Text size="sm">{client === '' ? texts.interceptsPage.unknown : client}</Text>
        <Text size="xs" c="dimmed">
          <TimeAgo at={createdAt} />
        </Text>
      </>
    ),
  },
  {
    key: 'mechanism',
    header: texts.interceptsPage.mechanism,
    width: 'minmax(9rem, 1.4fr)',
    render: ({ intercept }) => <Mechanism {...intercept} />,
  },
  {
    key: 'disposition',
    header: texts.interceptsPage.state,
    width: 'minmax(7.5rem, 0.8fr)',
    render: ({ intercept }) => <Disposition {...intercept} />,
  },
  {
    key: 'preview',
    header: texts.interceptsPage.preview,
    width: 'minmax(9rem, 1.5fr)',
    render: ({ intercept, previews }) => (
      <>
        {previews.length === 0 && intercept.removedPreview === null && (
          <Text size="sm" c="dimmed">
            {texts.interceptsPage.none}
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
        {texts.interceptsPage.stillShown(<Code>telepresence preview remove {name}</Code>)}
      </Text>
    </>
  );
}

function Actions({ intercept, previews }: Row): ReactElement {
  const restoring = useMutation({
    mutationFn: () => restorePreview(intercept.id),
    onSuccess: ({ hostname }) => toastDone(texts.interceptsPage.restored(hostname)),
    onError: (error) => toastProblem(error, texts.interceptsPage.notRestored),
    onSettled: () => refresh('intercept', 'preview'),
  });
  const confirm = useConfirm();
  const removal = useMutation({
    mutationFn: () =>
      answerOf(
        api.DELETE('/api/v1/intercepts/{interceptId}', { params: { path: { interceptId: intercept.id } } }),
      ),
    onSuccess: () => toastDone(texts.interceptsPage.removed(intercept.workload)),
    onError: (error) => toastProblem(error, texts.interceptsPage.notRemoved),
    onSettled: () => refresh('intercept', 'preview'),
  });
  const ask = async (): Promise<void> => {
    const isSure = await confirm({
      title: texts.interceptsPage.removeTitle(intercept.workload),
      text: texts.interceptsPage.removeText(previews.map(({ hostname }) => hostname)),
      confirm: texts.interceptsPage.remove,
      isDangerous: true,
    });
    if (isSure) removal.mutate();
  };
  return (
    <RowMenu
      label={texts.interceptsPage.actionsFor(intercept.name)}
      actions={[
        ...(intercept.removedPreview === null
          ? []
          : [
              {
                label: texts.interceptsPage.restorePreview,
                needs: 'previews:write',
                onClick: () => restoring.mutate(),
              } as const,
            ]),
        {
          label: texts.interceptsPage.remove,
          needs: 'intercepts:write',
          onClick: () => void ask(),
          isDangerous: true,
        },
      ]}
    />
  );
}
