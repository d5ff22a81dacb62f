import { Alert, Group, NativeSelect, Stack, Switch, Text } from '@mantine/core';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useMemo, useRef, useState, type ReactElement } from 'react';
import type { Exchange, ExchangeMessage } from '../../api/exchanges.js';
import { SearchField } from '../../components/search-field.js';
import { formatBytes, formatClock } from '../../intl.js';
import { MessageView } from './message-view.js';
import { texts } from './texts.js';
import classes from './messages.module.css';

const ROW_PX = 28;
const MAX_LINE_LENGTH = 200;

type Summary = NonNullable<Exchange['messages']>;

interface MessageListProps {
  readonly summary: Summary;
  /** Captured messages, oldest first. */
  readonly messages: readonly ExchangeMessage[];
  readonly omitted: number;
  readonly isCapturing: boolean;
  /** Why there are no messages, if they are not captured. */
  readonly notCaptured: string;
}

/** The messages of one exchange as they pass, and the content of one of them. */
export function MessageList(props: MessageListProps): ReactElement {
  const { summary, messages, omitted, isCapturing, notCaptured } = props;
  const [direction, setDirection] = useState('');
  const [text, setText] = useState('');
  const [isFollowing, setIsFollowing] = useState(true);
  const [openSeq, setOpenSeq] = useState<number | null>(null);
  const shown = useMemo(
    () => messages.filter((message) => isMatch(message, direction, text.trim().toLowerCase())),
    [messages, direction, text],
  );
  const opened = messages.find(({ seq }) => seq === openSeq);
  return (
    <Stack gap="xs">
      <Text size="xs" c="dimmed">
        {texts.messageList.totals(totalOf(summary.request), totalOf(summary.response))}
      </Text>
      {summary.note !== null && <Alert color="yellow">{texts.messageList.ended(summary.note)}</Alert>}
      {omitted > 0 && <Alert color="orange">{texts.messageList.omitted(omitted)}</Alert>}
      <Group gap="xs">
        <SearchField label={texts.messageList.search} value={text} onChange={setText} />
        <NativeSelect
          aria-label={texts.messageList.direction}
          value={direction}
          onChange={(event) => setDirection(event.currentTarget.value)}
          data={[
            { value: '', label: texts.messageList.both },
            { value: 'request', label: texts.messageList.request },
            { value: 'response', label: texts.messageList.response },
          ]}
        />
        <Switch
          label={texts.messageList.follow}
          checked={isFollowing}
          onChange={(event) => setIsFollowing(event.currentTarget.checked)}
        />
      </Group>
      {shown.length === 0 ? (
        <Text size="sm" c="dimmed">
          {messages.length > 0
            ? texts.messageList.noMatch
            : isCapturing
              ? texts.messageList.none
              : notCaptured}
        </Text>
      ) : (
        <Rows {...{ messages: shown, isFollowing, openSeq }} onOpen={setOpenSeq} />
      )}
      {opened !== undefined && <MessageView message={opened} />}
    </Stack>
  );
}

interface RowsProps {
  readonly messages: readonly ExchangeMessage[];
  readonly isFollowing: boolean;
  readonly openSeq: number | null;
  readonly onOpen: (seq: number) => void;
}

/** Only visible rows are in the document. */
function Rows({ messages, isFollowing, openSeq, onOpen }: RowsProps): ReactElement {
  const scroller = useRef<HTMLDivElement>(null);
  const virtualizer = useVirtualizer({
    count: messages.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_PX,
    getItemKey: (index) => messages[index]?.seq ?? index,
    overscan: 10,
  });
  const last = messages.at(-1)?.seq;
  useEffect(() => {
    if (isFollowing && last !== undefined) virtualizer.scrollToIndex(messages.length - 1);
  }, [virtualizer, messages.length, last, isFollowing]);
  return (
    // The arrow keys scroll it.
    <div
      ref={scroller}
      className={classes['list']}
      role="table"
      aria-label={texts.messageList.messages}
      aria-rowcount={messages.length}
      // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex
      tabIndex={0}
    >
      <div role="rowgroup" className={classes['body']} style={{ height: virtualizer.getTotalSize() }}>
        {virtualizer.getVirtualItems().map(({ index, key, start }) => {
          const message = messages[index];
          if (message === undefined) return null;
          const { at, direction, kind, bytes, seq } = message;
          return (
            <div
              key={key}
              role="row"
              aria-rowindex={index + 1}
              className={classes['row']}
              data-direction={direction}
              data-open={seq === openSeq || undefined}
              style={{ transform: `translateY(${start}px)` }}
            >
              <span role="cell">{formatClock(at)}</span>
              <span
                role="cell"
                aria-label={
                  direction === 'request' ? texts.messageList.fromVisitor : texts.messageList.fromService
                }
              >
                {direction === 'request' ? '↑' : '↓'}
              </span>
              <span role="cell">{kind}</span>
              <span role="cell">
                <button type="button" className={classes['content']} onClick={() => onOpen(seq)}>
                  {lineOf(message)}
                </button>
              </span>
              <span role="cell" className={classes['size']}>
                {formatBytes(bytes)}
              </span>
            </div>
          );
        })}
      </div>
    </div>
  );
}

function isMatch({ direction, text }: ExchangeMessage, wanted: string, search: string): boolean {
  if (wanted !== '' && direction !== wanted) return false;
  return search === '' || (text?.toLowerCase().includes(search) ?? false);
}

function lineOf({ code, text, base64, kind }: ExchangeMessage): string {
  const content = text ?? base64 ?? '';
  const line = [code === null ? '' : String(code), content.slice(0, MAX_LINE_LENGTH).replaceAll(/\s+/g, ' ')];
  return line.filter(Boolean).join(' ') || kind;
}

function totalOf({ count, bytes }: Summary['request']): string {
  return texts.messageList.total(count, formatBytes(bytes));
}
