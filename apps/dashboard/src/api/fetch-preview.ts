import { answerOf, api, type Schemas } from './client.js';

export type Preview = Schemas['Preview'];

export function fetchPreview(previewId: string): Promise<Preview> {
  return answerOf(api.GET('/api/v1/previews/{previewId}', { params: { path: { previewId } } }));
}
