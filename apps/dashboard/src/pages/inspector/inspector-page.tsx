import { Alert, Button, Group, NativeSelect, Switch, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useEffect, useMemo, useState, useSyncExternalStore, type ReactElement } from 'react';
import { useParams } from 'wouter';
import {
  watchExchanges,
  type CapturedBody,
  type Exchange,
  type Replay,
  type StreamEndReason,
} from '../../api/exchanges.js';
import { useMay, useMe } from '../../api/me.js';
import { nameOfPreview, previewById, type Preview } from '../../api/previews.js';
import { BackLink } from '../../components/back-link.js';
import { EmptyState } from '../../components/empty-state.js';
import { Page } from '../../components/page.js';
import { QueryView } from '../../components/query-view.js';
import { SearchField } from '../../components/search-field.js';
import { StateDot, type Tone } from '../../components/state-dot.js';
import { IconActivity, IconPlayerPause, IconPlayerPlay } from '../../icons.js';
import { ExchangeDetails } from './exchange-details.js';
import { ExchangeList } from './exchange-list.js';
import { ExchangeLog, matches, type LogSnapshot } from './exchange-log.js';

type StreamState = 'connecting' | 'open' | 'interrupted' | StreamEndReason;

/**
 * Milliseconds for which the old stream stays open after the new one has begun, so that nothing is missed in between.
 */
const OVERLAP_MS = 2000;

const STATES: Readonly<Record<StreamState, readonly [tone: Tone, word: string]>> = {
  connecting: ['waiting', 'Connecting'],
  open: ['good', 'Live'],
  interrupted: ['waiting', 'Reconnecting'],
  too_slow: ['waiting', 'Reconnecting'],
  access_ended: ['bad', 'Your access has ended'],
  gone: ['bad', 'The preview was removed'],
};

/** Live requests of a preview. */
export function InspectorPage(): ReactElement {
  const { previewId = '' } = useParams();
  const query = useQuery(previewById(previewId));
  return (
    <Page
      title="Requests"
      description={query.data?.hostname}
      back={
        <BackLink href={`/previews/${previewId}`}>
          {query.data === undefined ? 'The preview' : nameOfPreview(query.data)}
        </BackLink>
      }
    >
      <QueryView query={query}>{(preview) => <Inspector preview={preview} key={preview.id} />}</QueryView>
    </Page>
  );
}

function Inspector({ preview }: { preview: Preview }): ReactElement {
  const teamId = useMe().team?.id ?? '';
  const mayCapture = useMay('previews:write');
  const [log] = useState(() => new ExchangeLog());
  const [state, setState] = useState<StreamState>('connecting');
  const [isCapturing, setIsCapturing] = useState(false);
  const [frozen, setFrozen] = useState<LogSnapshot | null>(null);
  const [text, setText] = useState('');
  const [outcome, setOutcome] = useState('');
  const [openId, setOpenId] = useState<string | null>(null);
  /** ID of an exchange to open as soon as it arrives. */
  const [nextId, setNextId] = useState<string | null>(null);
  const current = useSyncExternalStore(log.subscribe, log.snapshot);
  const shown = frozen ?? current;

  useEffect(() => {
    let isCurrent = true;
    const stop = watchExchanges(
      { previewId: preview.id, teamId, captureBodies: isCapturing },
      {
        onExchange: (exchange) => log.add(exchange),
        onBodies: (bodies) => log.addBodies(bodies),
        onOmitted: (count) => isCurrent && log.addOmitted(count),
        onState: (next) => isCurrent && setState(next),
      },
    );
    return () => {
      isCurrent = false;
      setTimeout(stop, OVERLAP_MS);
    };
  }, [log, preview.id, teamId, isCapturing]);
  const exchanges = useMemo(
    () => shown.exchanges.filter((exchange) => matches(exchange, { text: text.trim(), outcome })),
    [shown.exchanges, text, outcome],
  );
  const find = (id: string | null): Exchange | undefined => {
    const isMeant = (exchange: Exchange): boolean => exchange.id === id;
    return shown.exchanges.find(isMeant) ?? current.exchanges.find(isMeant);
  };
  const opened = find(nextId) ?? find(openId);
  const open = (id: string | null): void => {
    setOpenId(id);
    setNextId(null);
  };
  const showReplayed = (replay: Replay, sent: CapturedBody | null): void => {
    setNextId(replay.exchangeId);
    // Known without capturing.
    log.addBodies({ id: replay.exchangeId, request: sent, response: replay.body });
  };
  const [tone, word] = STATES[state];

  return (
    <>
      <Group gap="xs" mb="sm">
        <SearchField label="Search requests" value={text} onChange={setText} />
        <NativeSelect
          aria-label="Outcome"
          value={outcome}
          onChange={(event) => setOutcome(event.currentTarget.value)}
          data={[
            { value: '', label: 'Any outcome' },
            { value: '2', label: '2xx' },
            { value: '3', label: '3xx' },
            { value: '4', label: '4xx' },
            { value: '5', label: '5xx' },
            { value: 'failed', label: 'No response' },
          ]}
        />
        <Button
          variant="default"
          leftSection={frozen === null ? <IconPlayerPause size={16} /> : <IconPlayerPlay size={16} />}
          onClick={() => setFrozen(frozen === null ? current : null)}
        >
          {frozen === null ? 'Pause' : 'Resume'}
        </Button>
        <Button
          variant="default"
          onClick={() => {
            log.clear();
            setFrozen(null);
          }}
        >
          Clear
        </Button>
        <Switch
          label="Capture bodies"
          description="While this page is open, up to 64 KiB each"
          checked={isCapturing}
          disabled={!mayCapture}
          onChange={(event) => {
            setIsCapturing(event.currentTarget.checked);
            // Changing this opens a new stream.
            setState('connecting');
          }}
        />
      </Group>
      <Group gap="xs" mb="xs" role="status">
        <StateDot tone={tone} />
        <Text size="sm">{frozen === null ? word : 'Paused'}</Text>
        <Text size="sm" c="dimmed">
          {countOf(exchanges.length, shown.exchanges.length)}
        </Text>
      </Group>
      {shown.omitted > 0 && (
        <Alert color="orange" mb="sm">
          {shown.omitted} more were left out because there were too many at once.
        </Alert>
      )}
      {shown.exchanges.length === 0 ? (
        <EmptyState
          icon={IconActivity}
          title="Waiting for a request"
          action={
            <Button component="a" href={preview.url} target="_blank" rel="noreferrer">
              Open the preview
            </Button>
          }
        >
          Open the preview, or ask someone to open it: each request appears here as soon as it arrives.
          Requests are kept only while someone watches.
        </EmptyState>
      ) : (
        <ExchangeList exchanges={exchanges} openId={opened?.id ?? null} onOpen={open} />
      )}
      {opened !== undefined && (
        <ExchangeDetails
          key={opened.id}
          preview={preview}
          exchange={opened}
          bodies={current.bodies.get(opened.id)}
          isCapturing={isCapturing}
          onClose={() => open(null)}
          onReplayed={showReplayed}
          onShowOriginal={find(opened.replayOf) && (() => open(opened.replayOf))}
        />
      )}
    </>
  );
}

function countOf(shown: number, all: number): string {
  const word = all === 1 ? 'request' : 'requests';
  return shown === all ? `${all} ${word}` : `${shown} of ${all} ${word}`;
}
