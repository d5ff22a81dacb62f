import { Autocomplete, Button, Group, Modal, Select, Stack, Table, Text, TextInput } from '@mantine/core';
import { useInfiniteQuery, useMutation, useQuery } from '@tanstack/react-query';
import { useState, type ReactElement } from 'react';
import type { AuditEvent } from '../../api/audit-events.js';
import { answerOf, api } from '../../api/client.js';
import { EmptyState } from '../../components/empty-state.js';
import { Facts } from '../../components/facts.js';
import { Page } from '../../components/page.js';
import { QueryView } from '../../components/query-view.js';
import { actorOf, EventSummary } from '../../components/event-summary.js';
import { saveFile } from '../../components/save-file.js';
import { ExactTime } from '../../components/time-ago.js';
import { toastProblem } from '../../components/toast.js';
import { VirtualTable, type Column } from '../../components/virtual-table.js';
import { formatTime, timeZoneAt } from '../../intl.js';
import { IconDownload, IconHistory } from '../../icons.js';
import {
  actionLabel,
  ACTIONS,
  actorNames,
  auditEvents,
  changedFields,
  matchesAction,
  NO_FILTER,
  queryOf,
  type Filter,
} from './audit-events.js';
import { texts } from './texts.js';

interface Row {
  readonly event: AuditEvent;
  readonly onOpen: () => void;
}

/** The audit log of the team. */
export function AuditLogPage(): ReactElement {
  const [filter, setFilter] = useState<Filter>(NO_FILTER);
  const [opened, setOpened] = useState<Row | null>(null);
  const events = useInfiniteQuery(auditEvents(filter));
  const names = useQuery(actorNames());
  const exporting = useMutation({
    mutationFn: () => exportEvents(filter),
    onError: (error) => toastProblem(error, texts.auditLogPage.notExported),
  });
  const { fetchNextPage, hasNextPage, isFetchingNextPage } = events;
  const showMore = (): void => {
    if (hasNextPage && !isFetchingNextPage) void fetchNextPage();
  };
  return (
    <Page
      title={texts.auditLogPage.title}
      description={texts.auditLogPage.description}
      actions={
        <Button
          variant="default"
          leftSection={<IconDownload size={16} />}
          loading={exporting.isPending}
          onClick={() => exporting.mutate()}
        >
          {texts.auditLogPage.exportAsCsv}
        </Button>
      }
    >
      <Stack>
        <FilterFields filter={filter} names={names.data ?? new Map()} onChange={setFilter} />
        <QueryView query={events}>
          {({ pages }) => {
            const rows = pages
              .flatMap(({ items }) => items)
              .map((event): Row => {
                const row: Row = { event, onOpen: () => setOpened(row) };
                return row;
              });
            if (rows.length === 0) return <NothingFound onReset={() => setFilter(NO_FILTER)} />;
            return (
              <VirtualTable
                label={texts.auditLogPage.auditEvents}
                columns={COLUMNS}
                rows={rows}
                keyOf={({ event }) => event.id}
                onNearEnd={showMore}
              />
            );
          }}
        </QueryView>
        {isFetchingNextPage && (
          <Text size="sm" c="dimmed" role="status">
            {texts.auditLogPage.loadingOlderEvents}
          </Text>
        )}
      </Stack>
      <EventDialog row={opened} onClose={() => setOpened(null)} />
    </Page>
  );
}

function NothingFound({ onReset }: { onReset: () => void }): ReactElement {
  return (
    <EmptyState
      icon={IconHistory}
      title={texts.auditLogPage.noMatch}
      action={
        <Button variant="default" onClick={onReset}>
          {texts.auditLogPage.clearFilters}
        </Button>
      }
    />
  );
}

/** Format of an action in the API. */
const ACTION = /^[a-z-]+\.[a-z-]+$/;

function FilterFields(props: {
  readonly filter: Filter;
  readonly names: ReadonlyMap<string, string>;
  readonly onChange: (filter: Filter) => void;
}): ReactElement {
  const { filter, names, onChange } = props;
  const [action, setAction] = useState(filter.action ?? '');
  return (
    <Group gap="sm" align="flex-end">
      <Select
        label={texts.auditLogPage.actor}
        placeholder={texts.auditLogPage.actorPlaceholder}
        data={[...names].map(([value, label]) => ({ value, label }))}
        value={filter.actorId}
        onChange={(actorId) => onChange({ ...filter, actorId })}
        clearable
        searchable
        w={{ base: '100%', xs: 200 }}
      />
      <Autocomplete
        label={texts.auditLogPage.action}
        placeholder={texts.auditLogPage.actionPlaceholder}
        data-search
        data={[...ACTIONS]}
        filter={({ options, search }) =>
          options.filter((option) => 'value' in option && matchesAction(option.value, search))
        }
        renderOption={({ option }) => (
          <div>
            <Text size="sm">{actionLabel(option.value)}</Text>
            <Text size="xs" c="dimmed">
              {option.value}
            </Text>
          </div>
        )}
        value={action}
        onChange={(text) => {
          setAction(text);
          if (text === '' || ACTION.test(text)) onChange({ ...filter, action: text === '' ? null : text });
        }}
        error={action !== '' && !ACTION.test(action) ? texts.auditLogPage.actionError : undefined}
        maxLength={64}
        clearable
        w={{ base: '100%', xs: 210 }}
      />
      <TextInput
        label={texts.auditLogPage.target}
        placeholder={texts.auditLogPage.targetPlaceholder}
        value={filter.name}
        onChange={(event) => onChange({ ...filter, name: event.currentTarget.value })}
        maxLength={253}
        w={{ base: '100%', xs: 190 }}
      />
      <TextInput
        type="date"
        title={texts.auditLogPage.dayTitle(timeZoneAt())}
        label={texts.auditLogPage.from}
        value={filter.from}
        onChange={(event) => onChange({ ...filter, from: event.currentTarget.value })}
        w={{ base: '47%', xs: 150 }}
      />
      <TextInput
        type="date"
        title={texts.auditLogPage.dayTitle(timeZoneAt())}
        label={texts.auditLogPage.to}
        value={filter.until}
        onChange={(event) => onChange({ ...filter, until: event.currentTarget.value })}
        w={{ base: '47%', xs: 150 }}
      />
    </Group>
  );
}

const COLUMNS: readonly Column<Row>[] = [
  {
    key: 'at',
    header: texts.auditLogPage.when,
    width: 'minmax(9rem, 0.8fr)',
    render: ({ event }) => (
      <Text size="sm">
        <ExactTime at={event.at} />
      </Text>
    ),
  },
  {
    key: 'who',
    header: texts.auditLogPage.who,
    width: 'minmax(9rem, 1fr)',
    render: ({ event }) => (
      <>
        <Text size="sm">{actorOf(event)}</Text>
        {event.actor.address !== null && (
          <Text size="xs" c="dimmed">
            {texts.auditLogPage.fromAddress(event.actor.address)}
          </Text>
        )}
      </>
    ),
  },
  {
    key: 'what',
    header: texts.auditLogPage.what,
    width: 'minmax(14rem, 2.5fr)',
    onPhone: 'title',
    render: ({ event }) => (
      <Text size="sm">
        <EventSummary event={event} />
      </Text>
    ),
  },
  {
    key: 'details',
    header: '',
    width: '5.5rem',
    isRightAligned: true,
    onPhone: 'corner',
    render: ({ event, onOpen }) => (
      <Button
        size="compact-sm"
        variant="subtle"
        onClick={onOpen}
        aria-label={texts.auditLogPage.detailsOf(event.summary, formatTime(event.at))}
      >
        {texts.auditLogPage.details}
      </Button>
    ),
  },
];

function EventDialog({ row, onClose }: { row: Row | null; onClose: () => void }): ReactElement {
  const fields = row === null ? [] : changedFields(row.event);
  return (
    <Modal
      opened={row !== null}
      onClose={onClose}
      title={row === null ? '' : `${actorOf(row.event)} ${row.event.summary}`}
      size="lg"
      closeButtonProps={{ 'aria-label': texts.auditLogPage.close }}
    >
      {row !== null && (
        <Stack>
          <Facts
            layout="grid"
            facts={[
              [texts.auditLogPage.when, formatTime(row.event.at)],
              [texts.auditLogPage.who, actorOf(row.event)],
              [texts.auditLogPage.from, row.event.actor.address],
              [texts.auditLogPage.kind, `${actionLabel(row.event.action)} (${row.event.action})`],
              [texts.auditLogPage.targetId, row.event.targetId],
            ]}
          />
          {fields.length > 0 && (
            <Table.ScrollContainer minWidth={420}>
              <Table verticalSpacing="xs">
                <Table.Thead>
                  <Table.Tr>
                    <Table.Th>{texts.auditLogPage.field}</Table.Th>
                    <Table.Th>{texts.auditLogPage.before}</Table.Th>
                    <Table.Th>{texts.auditLogPage.after}</Table.Th>
                  </Table.Tr>
                </Table.Thead>
                <Table.Tbody>
                  {fields.map(({ field, before, after }) => (
                    <Table.Tr key={field}>
                      <Table.Th scope="row">{field}</Table.Th>
                      <Table.Td>{before}</Table.Td>
                      <Table.Td>{after}</Table.Td>
                    </Table.Tr>
                  ))}
                </Table.Tbody>
              </Table>
            </Table.ScrollContainer>
          )}
        </Stack>
      )}
    </Modal>
  );
}

/** Downloads the shown events as a file for spreadsheets. */
async function exportEvents(filter: Filter): Promise<void> {
  const file = await answerOf(
    api.GET('/api/v1/audit-events/export', { params: { query: queryOf(filter) }, parseAs: 'blob' }),
  );
  saveFile(file, 'audit-log.csv');
}
