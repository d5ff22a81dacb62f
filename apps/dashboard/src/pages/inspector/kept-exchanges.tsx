import { Alert, Button, Drawer, Group, NativeSelect, Stack } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useInfiniteQuery, useMutation, useQuery } from '@tanstack/react-query';
import { useState, type ReactElement } from 'react';
import type { ExchangeSource } from '../../api/exchanges.js';
import {
  keptArchive,
  keptExchange,
  keptExchanges,
  removeKeptExchange,
  removeKeptExchanges,
  type KeptExchange,
  type KeptFilter,
} from '../../api/kept-exchanges.js';
import type { Preview } from '../../api/previews.js';
import { refresh } from '../../api/refresh.js';
import { useConfirm } from '../../components/confirm.js';
import { EmptyState } from '../../components/empty-state.js';
import { ErrorPanel } from '../../components/error-panel.js';
import { QueryView } from '../../components/query-view.js';
import { saveFile } from '../../components/save-file.js';
import { SearchField } from '../../components/search-field.js';
import { toastDone, toastProblem } from '../../components/toast.js';
import { IconDownload, IconHistory, IconTrash } from '../../icons.js';
import { ExchangeDetails } from './exchange-details.js';
import { ExchangeList } from './exchange-list.js';
import { texts } from './texts.js';

const words = texts.keptExchanges;
const TYPING_MS = 300;

interface KeptExchangesProps {
  readonly preview: Preview;
  readonly source: ExchangeSource;
  /** Why the person must not see bodies, delete or replay requests; undefined: they may. */
  readonly reasonAgainst: string | undefined;
}

/** The requests that a preview keeps: searched, exported, deleted. */
export function KeptExchanges({ preview, source, reasonAgainst }: KeptExchangesProps): ReactElement {
  const [text, setText] = useState('');
  const [status, setStatus] = useState('');
  const [openId, setOpenId] = useState<string | null>(null);
  const [wanted] = useDebouncedValue(text, TYPING_MS);
  const filter: KeptFilter = { text: wanted, status };
  const kept = useInfiniteQuery(keptExchanges(preview.id, filter));
  const { fetchNextPage, hasNextPage, isFetchingNextPage } = kept;
  return (
    <Stack gap="sm">
      <Group gap="xs">
        <SearchField label={words.search} value={text} onChange={setText} />
        <NativeSelect
          aria-label={texts.inspectorPage.outcome}
          value={status}
          onChange={(event) => setStatus(event.currentTarget.value)}
          data={[
            { value: '', label: texts.inspectorPage.anyOutcome },
            ...['2xx', '3xx', '4xx', '5xx'].map((value) => ({ value, label: value })),
            { value: 'failed', label: texts.inspectorPage.noResponse },
          ]}
        />
        <KeptActions {...{ preview, filter, reasonAgainst }} />
      </Group>
      <QueryView query={kept}>
        {({ pages }) => {
          const items = pages.flatMap((page) => page.items);
          return (
            <>
              <Gaps items={items} />
              <Found items={items} preview={preview} openId={openId} onOpen={setOpenId} />
            </>
          );
        }}
      </QueryView>
      {hasNextPage && (
        <Group>
          <Button variant="default" loading={isFetchingNextPage} onClick={() => void fetchNextPage()}>
            {words.older}
          </Button>
        </Group>
      )}
      {openId !== null && (
        <KeptDetails
          key={openId}
          {...{ preview, source, reasonAgainst }}
          exchangeId={openId}
          onClose={() => setOpenId(null)}
        />
      )}
    </Stack>
  );
}

interface FoundProps {
  readonly items: readonly KeptExchange[];
  readonly preview: Preview;
  readonly openId: string | null;
  readonly onOpen: (id: string) => void;
}

function Found({ items, preview, openId, onOpen }: FoundProps): ReactElement {
  const exchanges = items.flatMap(({ exchange }) => exchange ?? []);
  if (exchanges.length > 0) return <ExchangeList {...{ exchanges, openId, onOpen }} />;
  return (
    <EmptyState icon={IconHistory} title={words.none}>
      {preview.keep === null ? words.off : words.noneText(preview.keep.count, preview.keep.hours)}
    </EmptyState>
  );
}

/** States what is missing from the list. */
function Gaps({ items }: { items: readonly KeptExchange[] }): ReactElement | null {
  const omitted = items.reduce((sum, item) => sum + item.omitted, 0);
  const unreadable = items.filter(({ kind }) => kind === 'unreadable').length;
  if (omitted === 0 && unreadable === 0) return null;
  return (
    <Alert color="orange">
      {omitted > 0 && <div>{words.omitted(omitted)}</div>}
      {unreadable > 0 && <div>{words.unreadable(unreadable)}</div>}
    </Alert>
  );
}

function KeptActions({
  preview,
  filter,
  reasonAgainst,
}: {
  preview: Preview;
  filter: KeptFilter;
  reasonAgainst: string | undefined;
}): ReactElement {
  const confirm = useConfirm();
  const exporting = useMutation({
    mutationFn: () => keptArchive(preview.id, filter, reasonAgainst === undefined),
    onSuccess: (file) => saveFile(file, 'exchanges.har'),
    onError: (error) => toastProblem(error, words.notExported),
  });
  const removing = useMutation({
    mutationFn: () => removeKeptExchanges(preview.id),
    onSuccess: () => toastDone(words.deleted),
    onError: (error) => toastProblem(error, words.notDeleted),
    onSettled: () => refresh('preview'),
  });
  const remove = async (): Promise<void> => {
    const question = { title: words.deleteTitle, text: words.deleteText, confirm: words.deleteAll };
    if (await confirm({ ...question, isDangerous: true })) removing.mutate();
  };
  return (
    <>
      <Button
        variant="default"
        leftSection={<IconDownload size={16} />}
        loading={exporting.isPending}
        onClick={() => exporting.mutate()}
      >
        {words.exportAsHar}
      </Button>
      <Button
        variant="default"
        leftSection={<IconTrash size={16} />}
        disabled={reasonAgainst !== undefined}
        title={reasonAgainst}
        loading={removing.isPending}
        onClick={() => void remove()}
      >
        {words.deleteAll}
      </Button>
    </>
  );
}

interface KeptDetailsProps extends KeptExchangesProps {
  readonly exchangeId: string;
  readonly onClose: () => void;
}

function KeptDetails(props: KeptDetailsProps): ReactElement | null {
  const { preview, source, reasonAgainst, exchangeId, onClose } = props;
  const query = useQuery(keptExchange(preview.id, exchangeId, reasonAgainst === undefined));
  const { data } = query;
  const removing = useMutation({
    mutationFn: () => removeKeptExchange(preview.id, exchangeId),
    onSuccess: onClose,
    onError: (error) => toastProblem(error, words.notDeleted),
    onSettled: () => refresh('preview'),
  });
  if (query.isError && !data)
    return (
      <Drawer
        opened
        onClose={onClose}
        position="right"
        title={words.notShown}
        closeButtonProps={{ 'aria-label': texts.exchangeDetails.close }}
      >
        <ErrorPanel error={query.error} onRetry={() => void query.refetch()} />
      </Drawer>
    );
  if (!data?.exchange) return null;
  const bodies = data.bodies ?? undefined;
  return (
    <ExchangeDetails
      source={source}
      url={preview.url}
      reasonAgainst={reasonAgainst}
      exchange={data.exchange}
      bodies={bodies}
      messages={bodies?.messages ?? []}
      omittedMessages={0}
      isCapturing={false}
      missingBody={words.noBody}
      actions={
        <Button
          variant="default"
          leftSection={<IconTrash size={16} />}
          disabled={reasonAgainst !== undefined}
          loading={removing.isPending}
          onClick={() => removing.mutate()}
        >
          {words.delete}
        </Button>
      }
      onClose={onClose}
      onReplayed={() => toastDone(words.replayed)}
      onShowOriginal={undefined}
    />
  );
}
