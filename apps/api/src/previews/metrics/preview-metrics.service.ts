import { Inject, Injectable } from '@nestjs/common';
import {
  MAX_METRICS_PREVIEWS,
  MAX_TEAM_METRICS_STEPS,
  type PreviewMetrics,
  type PreviewMetricsQuery,
  type TeamMetrics,
} from '@culvert/contract';
import type { Store, TrafficCounts } from '@culvert/domain';
import { STORE } from '@culvert/nest';
import type { Caller } from '../../http/auth/caller.js';
import { PreviewsService } from '../previews.service.js';

const MINUTE_MS = 60_000;

/** Traffic of previews as series. */
@Injectable()
export class PreviewMetricsService {
  constructor(
    @Inject(STORE) private readonly store: Store,
    private readonly previews: PreviewsService,
  ) {}

  async ofPreview(
    caller: Caller,
    id: string,
    { minutes }: PreviewMetricsQuery,
    now = new Date(),
  ): Promise<PreviewMetrics> {
    await this.previews.find(caller, id);
    const from = firstMinute(now, minutes);
    const known = await this.store.previewTraffic.ofPreview(caller.teamId, id, from);
    const byIndex = new Map(
      known.map((minute) => [(minute.minute.getTime() - from.getTime()) / MINUTE_MS, minute]),
    );
    const series = (field: keyof TrafficCounts) =>
      Array.from({ length: minutes }, (_, i) => byIndex.get(i)?.[field] ?? 0);
    return {
      from: from.toISOString(),
      stepSeconds: 60,
      requests: series('requests'),
      clientErrors: series('clientErrors'),
      serverErrors: series('serverErrors'),
      edgeErrors: series('edgeErrors'),
      bytesIn: series('bytesIn'),
      bytesOut: series('bytesOut'),
      answers: series('answers'),
      firstByteMsSum: series('firstByteMsSum'),
      firstByteMsMax: series('firstByteMsMax'),
    };
  }

  async ofTeam({ teamId }: Caller, { minutes }: PreviewMetricsQuery, now = new Date()): Promise<TeamMetrics> {
    const stepSeconds = 60 * Math.ceil(minutes / MAX_TEAM_METRICS_STEPS);
    const steps = Math.ceil((minutes * 60) / stepSeconds);
    const from = firstMinute(now, (steps * stepSeconds) / 60);
    const maxPreviews = MAX_METRICS_PREVIEWS + 1;
    const known = await this.store.previewTraffic.ofTeam(teamId, { from, stepSeconds, maxPreviews });
    const items = new Map<string, TeamMetrics['items'][number]>();
    for (const { previewId, index, requests, errors } of known) {
      let item = items.get(previewId);
      if (item === undefined) {
        const zeros = () => Array.from({ length: steps }, () => 0);
        items.set(previewId, (item = { previewId, requests: zeros(), errors: zeros() }));
      }
      item.requests[index] = requests;
      item.errors[index] = errors;
    }
    return {
      from: from.toISOString(),
      stepSeconds,
      items: [...items.values()].toSorted((a, b) => total(b) - total(a)).slice(0, MAX_METRICS_PREVIEWS),
      isComplete: items.size <= MAX_METRICS_PREVIEWS,
    };
  }
}

/** Returns the time when the first of so many minutes began; the last one is the current one. */
function firstMinute(now: Date, minutes: number): Date {
  return new Date((Math.floor(now.getTime() / MINUTE_MS) - minutes + 1) * MINUTE_MS);
}

function total({ requests }: TeamMetrics['items'][number]): number {
  return requests.reduce((sum, count) => sum + count, 0);
}
