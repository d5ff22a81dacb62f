import type { ReactElement } from 'react';
import { sum, type Traffic } from '../api/preview-metrics.js';
import { texts } from './texts.js';
import classes from './traffic-chart.module.css';

interface TrafficChartProps {
  readonly traffic: Traffic;
  /** Name of the preview; absent where the page shows only one. */
  readonly name?: string;
  /** Height in pixels. The width fills the container. */
  readonly height?: number;
}

/** Bars of requests over time, with failures in another color. The text alternative has the same numbers. */
export function TrafficChart({
  traffic: { requests, errors },
  name,
  height = 28,
}: TrafficChartProps): ReactElement {
  const most = Math.max(1, ...requests);
  const width = requests.length;
  return (
    <svg
      className={classes['chart']}
      viewBox={`0 0 ${width} ${height}`}
      height={height}
      preserveAspectRatio="none"
      role="img"
      aria-label={texts.trafficChart.label(sum(requests), sum(errors), name)}
    >
      <path className={classes['ground']} d={`M0 ${height - 0.5}H${width}`} />
      <path className={classes['requests']} d={bars(requests, most, height)} />
      <path className={classes['errors']} d={bars(errors, most, height)} />
    </svg>
  );
}

function bars(counts: readonly number[], most: number, height: number): string {
  return counts
    .map((count, step) => {
      if (count === 0) return '';
      const tall = Math.max(1.5, (Math.min(count, most) / most) * height).toFixed(2);
      return `M${step + 0.1} ${height}v-${tall}h0.8v${tall}z`;
    })
    .join('');
}
