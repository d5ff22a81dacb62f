import { useQuery } from '@tanstack/react-query';
import type { ReactElement } from 'react';
import { useLocation } from 'wouter';
import { nameOfPreview, previewById, updatePreview } from '../../api/previews.js';
import { BackLink } from '../../components/back-link.js';
import { Page } from '../../components/page.js';
import { QueryView } from '../../components/query-view.js';
import { toastDone } from '../../components/toast.js';
import { PreviewForm } from './preview-form.js';
import { toChange, valuesOf } from './preview-values.js';
import { texts } from './texts.js';

export function EditPreviewPage({
  params,
}: {
  params: Readonly<Record<string, string | undefined>>;
}): ReactElement {
  const id = params['previewId'] ?? '';
  const [, navigate] = useLocation();
  const query = useQuery(previewById(id));
  const leave = (): void => navigate(`/previews/${id}`);
  return (
    <Page
      title={texts.editPreviewPage.title}
      description={query.data?.hostname}
      back={
        <BackLink href={`/previews/${id}`}>
          {query.data === undefined ? texts.editPreviewPage.thePreview : nameOfPreview(query.data)}
        </BackLink>
      }
    >
      <QueryView query={query}>
        {(preview) => (
          <PreviewForm
            initial={valuesOf(preview)}
            isEdit
            submitLabel={texts.editPreviewPage.save}
            onSubmit={async (values) => {
              await updatePreview(id, toChange(preview, values));
              toastDone(texts.editPreviewPage.saved);
              leave();
            }}
            onCancel={leave}
          />
        )}
      </QueryView>
    </Page>
  );
}
