import { Button } from '@mantine/core';
import type { ReactElement } from 'react';
import { Link } from 'wouter';
import { EmptyState } from '../components/empty-state.js';
import { Page } from '../components/page.js';
import { IconSearch } from '../icons.js';
import { texts } from './texts.js';

export function NotFound(): ReactElement {
  return (
    <Page title={texts.notFound.title}>
      <EmptyState
        icon={IconSearch}
        title={texts.notFound.nothingHere}
        action={
          <Button component={Link} href="/">
            {texts.notFound.goToStart}
          </Button>
        }
      >
        {texts.notFound.nothingHereText}
      </EmptyState>
    </Page>
  );
}
