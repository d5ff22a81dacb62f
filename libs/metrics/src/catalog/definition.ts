/** Programs with a page of metrics. Standalone has the metrics of edge and API. */
export const PROGRAMS = ['edge', 'api', 'traffic-manager', 'traffic-agent', 'pod-daemon'] as const;
export type Program = (typeof PROGRAMS)[number];

/** One metric, as the page of metrics and docs/metrics.md describe it. */
export interface MetricDefinition {
  readonly type: 'counter' | 'gauge' | 'histogram';
  /** A sentence that begins with a noun. */
  readonly help: string;
  readonly programs: readonly Program[];
  /** Values of each label: all of them, or, where code elsewhere has the list, what they are. Absent: no labels. */
  readonly labels?: Readonly<Record<string, readonly string[] | string>>;
}

export type Definitions = Readonly<Record<string, MetricDefinition>>;
