import { MantineProvider } from '@mantine/core';
import { Notifications } from '@mantine/notifications';
import { QueryClientProvider } from '@tanstack/react-query';
import { Suspense, type ReactElement } from 'react';
import { queryClient } from './api/query-client.js';
import { ConfirmProvider } from './components/confirm.js';
import { ErrorBoundary } from './shell/error-boundary.js';
import { Shell } from './shell/shell.js';
import { PageSkeleton } from './components/page.js';
import { styleNonce } from './nonce.js';
import { cssVariables, theme } from './theme.js';

export function App(): ReactElement {
  return (
    <MantineProvider
      theme={theme}
      cssVariablesResolver={cssVariables}
      defaultColorScheme="auto"
      getStyleNonce={() => styleNonce}
    >
      <QueryClientProvider client={queryClient}>
        <Notifications position="bottom-right" limit={4} autoClose={6000} />
        <ErrorBoundary>
          <ConfirmProvider>
            <Suspense fallback={<PageSkeleton />}>
              <Shell />
            </Suspense>
          </ConfirmProvider>
        </ErrorBoundary>
      </QueryClientProvider>
    </MantineProvider>
  );
}
