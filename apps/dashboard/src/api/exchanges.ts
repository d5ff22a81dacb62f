/** Live exchanges of one preview, and replays of their requests. */
import { answerOf, api } from './client.js';
import { type ExchangeSource, watchExchanges } from './exchange-stream.js';

export type * from './exchange-stream.js';

/** Returns the exchanges of a preview. */
export function exchangesOf({ previewId, teamId }: { previewId: string; teamId: string }): ExchangeSource {
  return {
    isLocal: false,
    watch: ({ captureBodies }, listener) => {
      const query = new URLSearchParams({ team: teamId, captureBodies: String(captureBodies) });
      const path = `/api/v1/previews/${encodeURIComponent(previewId)}/exchanges`;
      return watchExchanges(`${path}?${query.toString()}`, listener);
    },
    replay: (body) =>
      answerOf(api.POST('/api/v1/previews/{previewId}/replays', { params: { path: { previewId } }, body })),
  };
}
