import { Checkbox, VisuallyHidden } from '@mantine/core';
import { useWindowVirtualizer } from '@tanstack/react-virtual';
import {
  memo,
  useCallback,
  useEffect,
  useLayoutEffect,
  useRef,
  useState,
  type CSSProperties,
  type ReactElement,
  type ReactNode,
} from 'react';
import { texts } from './texts.js';
import classes from './virtual-table.module.css';

/** Rows rendered beyond the window, so that scrolling shows no gaps. */
const OVERSCAN = 8;
/** Distance from the end, in rows, at which more are fetched. */
const NEAR_END = 60;

export interface Column<Row> {
  readonly key: string;
  /** Header of the column; empty for buttons, whose header is for screen readers only. */
  readonly header: string;
  /** Grid track, such as `minmax(12rem, 2fr)`. */
  readonly width: string;
  readonly isRightAligned?: boolean;
  /** Place on a phone, where a row is a card. Default: on its own line below. */
  readonly onPhone?: 'title' | 'corner' | 'below' | 'hidden';
  readonly render: (row: Row) => ReactNode;
}

export interface Selection {
  readonly selected: ReadonlySet<string>;
  readonly onChange: (selected: ReadonlySet<string>) => void;
  /** Name of a row, for screen readers: `Select shop.example`. */
  readonly nameOf: (key: string) => string;
}

interface VirtualTableProps<Row> {
  /** Label of the table. */
  readonly label: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly keyOf: (row: Row) => string;
  /** Number of all rows, including rows that are not loaded. Default: the loaded rows. */
  readonly count?: number;
  readonly selection?: Selection;
  /** Called to fetch more rows. */
  readonly onNearEnd?: () => void;
  /** Height of a row before it is measured, in pixels. */
  readonly rowHeight?: number;
}

/** A table of any length that scrolls with the page: only the visible rows are in the document. */
export function VirtualTable<Row>(props: VirtualTableProps<Row>): ReactElement {
  const { label, columns, rows, keyOf, count = rows.length, selection, onNearEnd, rowHeight = 60 } = props;
  const list = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  useLayoutEffect(() => {
    const box = list.current?.getBoundingClientRect();
    if (box !== undefined) setTop(box.top + window.scrollY);
  }, []);
  const virtualizer = useWindowVirtualizer({
    count: rows.length,
    estimateSize: () => rowHeight,
    getItemKey: (index) => keyOf(rows[index] as Row),
    overscan: OVERSCAN,
    scrollMargin: top,
  });
  const items = virtualizer.getVirtualItems();
  const last = items.at(-1)?.index ?? 0;
  useEffect(() => {
    if (last >= rows.length - NEAR_END) onNearEnd?.();
  }, [last, rows.length, onNearEnd]);

  // The function is stable, so that rows are rendered again only when their content changes.
  const current = useRef(selection);
  useEffect(() => {
    current.current = selection;
  });
  const toggle = useCallback((key: string) => {
    const { selected, onChange } = current.current ?? {};
    if (selected !== undefined) onChange?.(toggled(selected, key));
  }, []);

  const tracks = [...(selection ? ['2.5rem'] : []), ...columns.map(({ width }) => width)].join(' ');
  return (
    <div
      role="table"
      aria-label={label}
      aria-rowcount={count + 1}
      className={classes['table']}
      style={{ '--tracks': tracks } as CSSProperties}
    >
      <div role="rowgroup" className={classes['head']}>
        <div role="row" aria-rowindex={1} className={classes['row']}>
          {selection && (
            <span role="columnheader" className={classes['cell']}>
              <SelectAll keys={rows.map(keyOf)} selection={selection} />
            </span>
          )}
          {columns.map(({ key, header, isRightAligned }) => (
            <span
              role="columnheader"
              key={key}
              className={classes['cell']}
              data-right={isRightAligned || undefined}
            >
              {header === '' ? <VisuallyHidden>{texts.virtualTable.actions}</VisuallyHidden> : header}
            </span>
          ))}
        </div>
      </div>
      <div
        role="rowgroup"
        ref={list}
        className={classes['body']}
        style={{ height: virtualizer.getTotalSize() }}
      >
        {items.map((item) => {
          const row = rows[item.index] as Row;
          const key = keyOf(row);
          return (
            <VirtualRow
              key={item.key}
              index={item.index}
              offset={item.start - top}
              row={row}
              columns={columns}
              measure={virtualizer.measureElement}
              isSelected={selection?.selected.has(key)}
              name={selection?.nameOf(key)}
              rowKey={key}
              onToggle={toggle}
            />
          );
        })}
      </div>
    </div>
  );
}

interface VirtualRowProps<Row> {
  readonly index: number;
  /** Distance from the top of the body in pixels. */
  readonly offset: number;
  readonly row: Row;
  readonly columns: readonly Column<Row>[];
  readonly measure: (element: Element | null) => void;
  /** Absent: rows cannot be selected. */
  readonly isSelected: boolean | undefined;
  readonly name: string | undefined;
  readonly rowKey: string;
  readonly onToggle: (key: string) => void;
}

function RowOfCells<Row>(props: VirtualRowProps<Row>): ReactElement {
  const { index, offset, row, columns, measure, isSelected, name, rowKey, onToggle } = props;
  return (
    <div
      role="row"
      ref={measure}
      data-index={index}
      aria-rowindex={index + 2}
      aria-selected={isSelected}
      className={`${classes['row']} ${classes['item']}`}
      style={{ transform: `translateY(${offset}px)` }}
    >
      {isSelected !== undefined && (
        <span role="cell" className={classes['cell']} data-phone="select">
          <Checkbox
            size="xs"
            aria-label={texts.virtualTable.select(name ?? '')}
            checked={isSelected}
            onChange={() => onToggle(rowKey)}
          />
        </span>
      )}
      {columns.map((column) => (
        <span
          role="cell"
          key={column.key}
          className={classes['cell']}
          data-right={column.isRightAligned || undefined}
          data-phone={column.onPhone ?? 'below'}
        >
          {column.render(row)}
        </span>
      ))}
    </div>
  );
}

/** Memoized, so that scrolling renders only new rows. */
const VirtualRow = memo(RowOfCells) as typeof RowOfCells;

function SelectAll({ keys, selection }: { keys: readonly string[]; selection: Selection }): ReactElement {
  const { selected, onChange } = selection;
  const isAll = keys.length > 0 && keys.every((key) => selected.has(key));
  return (
    <Checkbox
      size="xs"
      aria-label={texts.virtualTable.selectAll}
      checked={isAll}
      indeterminate={!isAll && selected.size > 0}
      onChange={() => onChange(isAll ? new Set() : new Set(keys))}
    />
  );
}

function toggled(selected: ReadonlySet<string>, key: string): ReadonlySet<string> {
  const next = new Set(selected);
  if (!next.delete(key)) next.add(key);
  return next;
}
