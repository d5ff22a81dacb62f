import type { ReactElement } from 'react';
import { useLocation } from 'wouter';
import { createPreview } from '../../api/previews.js';
import { Page } from '../../components/page.js';
import { toastDone } from '../../components/toast.js';
import { BackLink } from '../../components/back-link.js';
import { PreviewForm } from './preview-form.js';
import { NEW_PREVIEW, toCreation } from './preview-values.js';

export function CreatePreviewPage(): ReactElement {
  const [, navigate] = useLocation();
  return (
    <Page
      title="Create a preview"
      description="The preview gets its own random address."
      back={<BackLink href="/previews">Previews</BackLink>}
    >
      <PreviewForm
        initial={NEW_PREVIEW}
        isEdit={false}
        submitLabel="Create the preview"
        onSubmit={async (values) => {
          const { id, hostname } = await createPreview(toCreation(values));
          toastDone(`Created ${hostname}`);
          navigate(`/previews/${id}`);
        }}
        onCancel={() => navigate('/previews')}
      />
    </Page>
  );
}
