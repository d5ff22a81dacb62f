import type { ReactElement } from 'react';
import { useLocation } from 'wouter';
import { createPreview } from '../../api/previews.js';
import { Page } from '../../components/page.js';
import { toastDone } from '../../components/toast.js';
import { BackLink } from '../../components/back-link.js';
import { PreviewForm } from './preview-form.js';
import { NEW_PREVIEW, toCreation } from './preview-values.js';
import { texts } from './texts.js';

export function CreatePreviewPage(): ReactElement {
  const [, navigate] = useLocation();
  return (
    <Page
      title={texts.createPreviewPage.title}
      description={texts.createPreviewPage.description}
      back={<BackLink href="/previews">{texts.createPreviewPage.previews}</BackLink>}
    >
      <PreviewForm
        initial={NEW_PREVIEW}
        isEdit={false}
        submitLabel={texts.createPreviewPage.submit}
        onSubmit={async (values) => {
          const { id, hostname } = await createPreview(toCreation(values));
          toastDone(texts.createPreviewPage.created(hostname));
          navigate(`/previews/${id}`);
        }}
        onCancel={() => navigate('/previews')}
      />
    </Page>
  );
}
