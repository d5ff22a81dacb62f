import type { PreviewMetrics, TeamMetrics } from '../api.js';
import type { CommandContext } from '../command-context.js';
import type { Output } from '../output/output.js';
import { showBytes, showTime } from '../output/readable.js';
import { findPreview, previewName } from './find-preview.js';

/** Maximum number of rows of the table: minutes are added up to fit. */
const MAX_ROWS = 20;

/** Prints the traffic of one preview, or of all of them. */
export async function previewMetrics(
  { api, output }: CommandContext,
  reference: string | undefined,
  minutes: number,
): Promise<void> {
  const query = { minutes };
  if (reference !== undefined) {
    const { id } = await findPreview(api, reference);
    const metrics = await api.call('getPreviewMetrics', { previewId: id, query });
    output.result(metrics, () => showOne(output, metrics));
    return;
  }
  const metrics = await api.call('listPreviewMetrics', { query });
  if (output.isForPrograms) return output.result(metrics, () => {});
  const previews = await api.list('listPreviews');
  const names = new Map(previews.map(({ id, hostname }) => [id, previewName(hostname)]));
  showAll(output, metrics, names);
}

/** Sums of consecutive steps of one preview. */
export interface MetricsRow {
  readonly from: Date;
  readonly requests: number;
  readonly clientErrors: number;
  readonly serverErrors: number;
  readonly edgeErrors: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Null if the service sent no response. */
  readonly firstByteMs: number | null;
  readonly firstByteMsMax: number;
}

/** Adds up steps, so that there are at most `maxRows`. Rows without a request are left out. */
export function rowsOf(metrics: PreviewMetrics, maxRows: number): MetricsRow[] {
  const stepsPerRow = Math.ceil(metrics.requests.length / maxRows);
  const rows: MetricsRow[] = [];
  for (let begin = 0; begin < metrics.requests.length; begin += stepsPerRow) {
    const of = (counts: readonly number[]) => counts.slice(begin, begin + stepsPerRow);
    const answers = sum(of(metrics.answers));
    rows.push({
      from: new Date(Date.parse(metrics.from) + begin * metrics.stepSeconds * 1000),
      requests: sum(of(metrics.requests)),
      clientErrors: sum(of(metrics.clientErrors)),
      serverErrors: sum(of(metrics.serverErrors)),
      edgeErrors: sum(of(metrics.edgeErrors)),
      bytesIn: sum(of(metrics.bytesIn)),
      bytesOut: sum(of(metrics.bytesOut)),
      firstByteMs: answers === 0 ? null : sum(of(metrics.firstByteMsSum)) / answers,
      firstByteMsMax: Math.max(0, ...of(metrics.firstByteMsMax)),
    });
  }
  return rows.filter((row) => row.requests + row.bytesIn + row.bytesOut + row.edgeErrors > 0);
}

function showOne(output: Output, metrics: PreviewMetrics): void {
  output.table(
    ['FROM', 'REQUESTS', '4XX', '5XX', 'CULVERT', 'TO SERVICE', 'FROM SERVICE', 'FIRST BYTE', 'SLOWEST'],
    rowsOf(metrics, MAX_ROWS).map((row) => [
      showTime(row.from.toISOString()),
      String(row.requests),
      String(row.clientErrors),
      String(row.serverErrors),
      String(row.edgeErrors),
      showBytes(row.bytesIn),
      showBytes(row.bytesOut),
      row.firstByteMs === null ? '' : `${Math.round(row.firstByteMs)} ms`,
      row.firstByteMs === null ? '' : `${Math.round(row.firstByteMsMax)} ms`,
    ]),
    'The preview had no requests in this time. Counts arrive within 15 seconds.',
  );
}

function showAll(output: Output, metrics: TeamMetrics, names: ReadonlyMap<string, string>): void {
  output.table(
    ['PREVIEW', 'REQUESTS', 'ERRORS', 'BUSIEST STEP'],
    metrics.items.map(({ previewId, requests, errors }) => [
      names.get(previewId) ?? `removed (${previewId.slice(0, 8)})`,
      String(sum(requests)),
      String(sum(errors)),
      busiest(metrics, requests),
    ]),
    'No preview had requests in this time. Counts arrive within 15 seconds.',
  );
  if (!metrics.isComplete) output.note('Previews with fewer requests are left out.');
}

function busiest({ from, stepSeconds }: TeamMetrics, requests: readonly number[]): string {
  const most = Math.max(0, ...requests);
  const at = Date.parse(from) + requests.indexOf(most) * stepSeconds * 1000;
  return most === 0 ? '' : `${most} at ${showTime(new Date(at).toISOString())}`;
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}
