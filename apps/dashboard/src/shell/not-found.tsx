import { Button } from '@mantine/core';
import type { ReactElement } from 'react';
import { Link } from 'wouter';
import { EmptyState } from '../components/empty-state.js';
import { Page } from '../components/page.js';
import { IconSearch } from '../icons.js';

export function NotFound(): ReactElement {
  return (
    <Page title="Page not found">
      <EmptyState
        icon={IconSearch}
        title="Nothing exists at this address"
        action={
          <Button component={Link} href="/">
            Go to the start
          </Button>
        }
      >
        It may have been removed, or belong to another team of yours.
      </EmptyState>
    </Page>
  );
}
