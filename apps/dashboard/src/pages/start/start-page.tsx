import type { ReactElement } from 'react';
import { Page } from '../../components/page.js';

/** Day one: from nothing to the first preview. */
export function StartPage(): ReactElement {
  return (
    <Page title="Start">
      <p>Welcome.</p>
    </Page>
  );
}
