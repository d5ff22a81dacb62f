import type { ReactElement } from 'react';
import { EmptyState } from '../../components/empty-state.js';
import { Page } from '../../components/page.js';
import { IconWorldShare } from '../../icons.js';

export function PreviewsPage(): ReactElement {
  return (
    <Page title="Previews">
      <EmptyState icon={IconWorldShare} title="No previews" />
    </Page>
  );
}
