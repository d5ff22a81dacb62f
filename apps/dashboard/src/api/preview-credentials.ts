import { queryOptions } from '@tanstack/react-query';
import { allPages } from './all-pages.js';
import { answerOf, api, type Schemas } from './client.js';
import { keyOf } from './keys.js';

export type ShareLink = Schemas['ShareLink'];
export type PreviewToken = Schemas['PreviewToken'];

export const shareLinksOf = (previewId: string) =>
  queryOptions({
    queryKey: keyOf('share-link', previewId),
    queryFn: () =>
      allPages<ShareLink>((query) =>
        answerOf(
          api.GET('/api/v1/previews/{previewId}/share-links', { params: { path: { previewId }, query } }),
        ),
      ),
  });

export const previewTokensOf = (previewId: string) =>
  queryOptions({
    queryKey: keyOf('preview-token', previewId),
    queryFn: () =>
      allPages<PreviewToken>((query) =>
        answerOf(api.GET('/api/v1/previews/{previewId}/tokens', { params: { path: { previewId }, query } })),
      ),
  });

/** Returns the address itself, which is shown only once. @param expiresAt undefined: the server's default */
export async function createShareLink(previewId: string, name: string, expiresAt?: string): Promise<string> {
  const body = { name, ...(expiresAt === undefined ? {} : { expiresAt }) };
  const link = await answerOf(
    api.POST('/api/v1/previews/{previewId}/share-links', { params: { path: { previewId } }, body }),
  );
  return link.url;
}

/** Returns the token itself, which is shown only once. @param expiresAt undefined: never */
export async function createPreviewToken(
  previewId: string,
  name: string,
  expiresAt?: string,
): Promise<string> {
  const body = { name, ...(expiresAt === undefined ? {} : { expiresAt }) };
  const created = await answerOf(
    api.POST('/api/v1/previews/{previewId}/tokens', { params: { path: { previewId } }, body }),
  );
  return created.token;
}

export async function revokeShareLink(previewId: string, shareLinkId: string): Promise<void> {
  await answerOf(
    api.DELETE('/api/v1/previews/{previewId}/share-links/{shareLinkId}', {
      params: { path: { previewId, shareLinkId } },
    }),
  );
}

export async function revokePreviewToken(previewId: string, previewTokenId: string): Promise<void> {
  await answerOf(
    api.DELETE('/api/v1/previews/{previewId}/tokens/{previewTokenId}', {
      params: { path: { previewId, previewTokenId } },
    }),
  );
}
