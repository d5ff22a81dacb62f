import type { PreviewTrafficRepository, TrafficDraft, TrafficMinute, TrafficStep } from '@culvert/domain';
import type { Client } from '../client.js';
import { isUuid } from '../ids.js';

export class PrismaPreviewTrafficRepository implements PreviewTrafficRepository {
  constructor(private readonly client: Client) {}

  /**
   * The same order everywhere: edges that write at the same time wait for each other, and never in a circle. Previews that
   * are being removed are skipped: their row is locked.
   */
  async add(drafts: readonly TrafficDraft[]): Promise<void> {
    if (drafts.length === 0) return;
    // In a transaction: a server that hung runs a statement although the caller has given up, and would count twice.
    await this.client.$transaction(
      (tx) => tx.$executeRaw`
      INSERT INTO preview_traffic AS held (
        team_id, preview_id, minute, requests, client_errors, server_errors, edge_errors, bytes_in, bytes_out, answers,
        first_byte_ms_sum, first_byte_ms_max)
      SELECT p.team_id, p.id, t.minute, t.requests, t."clientErrors", t."serverErrors", t."edgeErrors", t."bytesIn",
        t."bytesOut", t.answers, t."firstByteMsSum", t."firstByteMsMax"
      FROM jsonb_to_recordset(${JSON.stringify(drafts)}::jsonb) AS t(
        "teamId" uuid, "previewId" uuid, minute timestamp(3), requests int, "clientErrors" int, "serverErrors" int,
        "edgeErrors" int, "bytesIn" bigint, "bytesOut" bigint, answers int, "firstByteMsSum" float8,
        "firstByteMsMax" float8)
      JOIN preview p ON p.team_id = t."teamId" AND p.id = t."previewId"
      ORDER BY p.id, t.minute FOR KEY SHARE OF p SKIP LOCKED
      ON CONFLICT (team_id, preview_id, minute) DO UPDATE SET
        requests = held.requests + excluded.requests,
        client_errors = held.client_errors + excluded.client_errors,
        server_errors = held.server_errors + excluded.server_errors,
        edge_errors = held.edge_errors + excluded.edge_errors,
        bytes_in = held.bytes_in + excluded.bytes_in,
        bytes_out = held.bytes_out + excluded.bytes_out,
        answers = held.answers + excluded.answers,
        first_byte_ms_sum = held.first_byte_ms_sum + excluded.first_byte_ms_sum,
        first_byte_ms_max = GREATEST(held.first_byte_ms_max, excluded.first_byte_ms_max)`,
    );
  }

  async ofPreview(teamId: string, previewId: string, from: Date): Promise<TrafficMinute[]> {
    if (!isUuid(teamId) || !isUuid(previewId)) return [];
    const rows = await this.client.previewTraffic.findMany({
      where: { teamId, previewId, minute: { gte: from } },
      omit: { teamId: true, previewId: true },
      orderBy: { minute: 'asc' },
    });
    return rows.map(({ bytesIn, bytesOut, ...row }) => ({
      ...row,
      bytesIn: Number(bytesIn),
      bytesOut: Number(bytesOut),
    }));
  }

  async ofTeam(
    teamId: string,
    options: { readonly from: Date; readonly stepSeconds: number; readonly maxPreviews: number },
  ): Promise<TrafficStep[]> {
    if (!isUuid(teamId)) return [];
    const { from, stepSeconds, maxPreviews } = options;
    return this.client.$queryRaw`
      WITH busy AS (
        SELECT preview_id FROM preview_traffic WHERE team_id = ${teamId}::uuid AND minute >= ${from}
        GROUP BY preview_id ORDER BY sum(requests) DESC, preview_id LIMIT ${maxPreviews})
      SELECT preview_id AS "previewId",
        floor(extract(epoch FROM minute - ${from}::timestamp(3)) / ${stepSeconds})::int AS index,
        sum(requests)::int AS requests, sum(client_errors + server_errors + edge_errors)::int AS errors
      FROM preview_traffic JOIN busy USING (preview_id)
      WHERE team_id = ${teamId}::uuid AND minute >= ${from} GROUP BY 1, 2 ORDER BY 1, 2`;
  }

  async removeBefore(before: Date, max: number): Promise<number> {
    return this.client.$executeRaw`
      DELETE FROM preview_traffic WHERE (team_id, preview_id, minute) IN (
        SELECT team_id, preview_id, minute FROM preview_traffic WHERE minute < ${before}
        ORDER BY minute LIMIT ${max} FOR UPDATE SKIP LOCKED)`;
  }
}
