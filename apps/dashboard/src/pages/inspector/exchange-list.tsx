import { useVirtualizer } from '@tanstack/react-virtual';
import { useRef, type ReactElement } from 'react';
import type { Exchange } from '../../api/exchanges.js';
import { formatBytes, formatClock, formatMilliseconds, timeZoneAt } from '../../intl.js';
import { texts } from './texts.js';
import { totalMs } from './waterfall.js';
import classes from './inspector.module.css';

const ROW_PX = 36;

interface ExchangeListProps {
  readonly exchanges: readonly Exchange[];
  readonly openId: string | null;
  readonly onOpen: (id: string) => void;
}

/** Exchanges, newest first. Only visible rows are in the document. */
export function ExchangeList({ exchanges, openId, onOpen }: ExchangeListProps): ReactElement {
  const scroller = useRef<HTMLDivElement>(null);
  const virtualizer = useVirtualizer({
    count: exchanges.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_PX,
    getItemKey: (index) => exchanges[index]?.id ?? index,
    overscan: 10,
    // Height of the header, which stays visible.
    scrollMargin: ROW_PX,
  });
  return (
    // The arrow keys scroll it.
    <div
      ref={scroller}
      className={classes['list']}
      role="table"
      aria-label={texts.exchangeList.exchanges}
      aria-rowcount={exchanges.length + 1}
      // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex
      tabIndex={0}
    >
      <div role="rowgroup">
        <div role="row" className={`${classes['row']} ${classes['head']}`}>
          <span role="columnheader" data-wide>
            {texts.exchangeList.time(timeZoneAt(exchanges[0]?.startedAt))}
          </span>
          <span role="columnheader">{texts.exchangeList.method}</span>
          <span role="columnheader">{texts.exchangeList.path}</span>
          <span role="columnheader">{texts.exchangeList.status}</span>
          <span role="columnheader" className={classes['right']} data-wide>
            {texts.exchangeList.duration}
          </span>
          <span role="columnheader" className={classes['right']} data-wide>
            {texts.exchangeList.size}
          </span>
          <span role="columnheader" data-wide>
            {texts.exchangeList.visitor}
          </span>
        </div>
      </div>
      <div role="rowgroup" className={classes['body']} style={{ height: virtualizer.getTotalSize() }}>
        {virtualizer.getVirtualItems().map(({ index, key, start }) => {
          const exchange = exchanges[index];
          if (exchange === undefined) return null;
          return (
            <div
              key={key}
              role="row"
              aria-rowindex={index + 2}
              className={`${classes['row']} ${classes['item']}`}
              data-open={exchange.id === openId || undefined}
              style={{ transform: `translateY(${start - ROW_PX}px)` }}
            >
              <ExchangeCells exchange={exchange} onOpen={onOpen} />
            </div>
          );
        })}
      </div>
    </div>
  );
}

function ExchangeCells({
  exchange,
  onOpen,
}: {
  exchange: Exchange;
  onOpen: (id: string) => void;
}): ReactElement {
  const { id, startedAt, method, target, status, bytesOut, visitor } = exchange;
  const took = totalMs(exchange);
  return (
    <>
      <span role="cell" data-wide>
        {formatClock(startedAt)}
      </span>
      <span role="cell">{method}</span>
      <span role="cell">
        <button type="button" className={classes['target']} onClick={() => onOpen(id)} title={target}>
          {target}
        </button>
      </span>
      <span role="cell" className={classes['status']} data-tone={toneOf(exchange)}>
        {status ?? (exchange.error === null ? '…' : '–')}
      </span>
      <span role="cell" className={classes['right']} data-wide>
        {took === null ? '' : formatMilliseconds(took)}
      </span>
      <span role="cell" className={classes['right']} data-wide>
        {formatBytes(bytesOut)}
      </span>
      <span role="cell" data-wide title={visitor.address}>
        {visitor.kind === 'replay' ? texts.exchangeList.replay : visitor.address}
      </span>
    </>
  );
}

export function toneOf({ status, error }: Exchange): 'good' | 'warn' | 'bad' | undefined {
  if (error !== null || (status !== null && status >= 500)) return 'bad';
  if (status === null) return undefined;
  return status >= 400 ? 'warn' : 'good';
}
