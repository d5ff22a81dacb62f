import { Alert, Button, Group, NativeSelect, Switch, Text } from '@mantine/core';
import { useEffect, useMemo, useState, useSyncExternalStore, type ReactElement, type ReactNode } from 'react';
import type {
  CapturedBody,
  Exchange,
  ExchangeMessage,
  ExchangeSource,
  Replay,
  StreamEndReason,
} from '../../api/exchanges.js';
import { EmptyState } from '../../components/empty-state.js';
import { SearchField } from '../../components/search-field.js';
import { StateDot, type Tone } from '../../components/state-dot.js';
import { IconActivity, IconPlayerPause, IconPlayerPlay } from '../../icons.js';
import { ExchangeDetails } from './exchange-details.js';
import { ExchangeList } from './exchange-list.js';
import { ExchangeLog, matches, type LogSnapshot } from './exchange-log.js';
import { texts } from './texts.js';

type StreamState = 'connecting' | 'open' | 'interrupted' | StreamEndReason;

/**
 * Milliseconds for which the old stream stays open after the new one has begun, so that nothing is missed in between.
 */
const OVERLAP_MS = 2000;

const STATES: Readonly<Record<StreamState, readonly [tone: Tone, word: string]>> = {
  connecting: ['waiting', texts.inspectorPage.connecting],
  open: ['good', texts.inspectorPage.live],
  interrupted: ['waiting', texts.inspectorPage.reconnecting],
  too_slow: ['waiting', texts.inspectorPage.reconnecting],
  access_ended: ['bad', texts.inspectorPage.accessEnded],
  gone: ['bad', texts.inspectorPage.previewRemoved],
};

const NO_MESSAGES: readonly ExchangeMessage[] = [];

interface InspectorProps {
  readonly source: ExchangeSource;
  /** Returns the URL at which visitors send requests, for an exchange or for the next one; null if there is none. */
  readonly urlOf: (exchange?: Exchange) => string | null;
  /** Why the person must not capture bodies or replay requests; undefined: they may. */
  readonly reasonAgainst: string | undefined;
  /** Narrows the list down before the person's own filters do. */
  readonly isIncluded?: (exchange: Exchange) => boolean;
  /** Further controls beside the filters. */
  readonly children?: ReactNode;
}

/** The requests of a source as they happen, with their details. */
export function Inspector(props: InspectorProps): ReactElement {
  const { source, urlOf, reasonAgainst, isIncluded, children } = props;
  const url = urlOf();
  const [log] = useState(() => new ExchangeLog());
  const [state, setState] = useState<StreamState>('connecting');
  const [isCapturing, setIsCapturing] = useState(source.isLocal);
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
    const stop = source.watch(
      { captureBodies: isCapturing },
      {
        onExchange: (exchange) => log.add(exchange),
        onBodies: (bodies) => log.addBodies(bodies),
        onMessage: (message) => log.addMessage(message),
        onMessagesOmitted: (count) => isCurrent && log.addOmittedMessages(count),
        onOmitted: (count) => isCurrent && log.addOmitted(count),
        onState: (next) => isCurrent && setState(next),
      },
    );
    return () => {
      isCurrent = false;
      setTimeout(stop, OVERLAP_MS);
    };
  }, [log, source, isCapturing]);
  const exchanges = useMemo(
    () =>
      shown.exchanges.filter(
        (exchange) => (isIncluded?.(exchange) ?? true) && matches(exchange, { text: text.trim(), outcome }),
      ),
    [shown.exchanges, isIncluded, text, outcome],
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
        {children}
        <SearchField label={texts.inspectorPage.searchRequests} value={text} onChange={setText} />
        <NativeSelect
          aria-label={texts.inspectorPage.outcome}
          value={outcome}
          onChange={(event) => setOutcome(event.currentTarget.value)}
          data={[
            { value: '', label: texts.inspectorPage.anyOutcome },
            { value: '2', label: texts.inspectorPage.status2xx },
            { value: '3', label: texts.inspectorPage.status3xx },
            { value: '4', label: texts.inspectorPage.status4xx },
            { value: '5', label: texts.inspectorPage.status5xx },
            { value: 'failed', label: texts.inspectorPage.noResponse },
          ]}
        />
        <Button
          variant="default"
          leftSection={frozen === null ? <IconPlayerPause size={16} /> : <IconPlayerPlay size={16} />}
          onClick={() => setFrozen(frozen === null ? current : null)}
        >
          {frozen === null ? texts.inspectorPage.pause : texts.inspectorPage.resume}
        </Button>
        <Button
          variant="default"
          onClick={() => {
            log.clear();
            setFrozen(null);
          }}
        >
          {texts.inspectorPage.clear}
        </Button>
        {!source.isLocal && (
          <Switch
            label={texts.inspectorPage.captureBodies}
            description={texts.inspectorPage.captureBodiesDescription}
            checked={isCapturing}
            disabled={reasonAgainst !== undefined}
            onChange={(event) => {
              setIsCapturing(event.currentTarget.checked);
              // Changing this opens a new stream.
              setState('connecting');
            }}
          />
        )}
      </Group>
      <Group gap="xs" mb="xs" role="status">
        <StateDot tone={tone} />
        <Text size="sm">{frozen === null ? word : texts.inspectorPage.paused}</Text>
        <Text size="sm" c="dimmed">
          {countOf(exchanges.length, shown.exchanges.length)}
        </Text>
      </Group>
      {shown.omitted > 0 && (
        <Alert color="orange" mb="sm">
          {texts.inspectorPage.omitted(shown.omitted)}
        </Alert>
      )}
      {shown.exchanges.length === 0 ? (
        <EmptyState
          icon={IconActivity}
          title={texts.inspectorPage.waitingTitle}
          action={
            url !== null && (
              <Button component="a" href={url} target="_blank" rel="noreferrer">
                {texts.inspectorPage.openPreview}
              </Button>
            )
          }
        >
          {texts.inspectorPage.waitingText}
        </EmptyState>
      ) : (
        <ExchangeList exchanges={exchanges} openId={opened?.id ?? null} onOpen={open} />
      )}
      {opened !== undefined && (
        <ExchangeDetails
          key={opened.id}
          {...{ source, reasonAgainst }}
          url={urlOf(opened) ?? ''}
          exchange={opened}
          bodies={current.bodies.get(opened.id)}
          messages={current.messages.get(opened.id) ?? NO_MESSAGES}
          omittedMessages={current.omittedMessages}
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
  return texts.inspectorPage.count(shown, all);
}
