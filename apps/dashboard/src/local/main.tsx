import '@mantine/core/styles.css';
import '@mantine/notifications/styles.css';
import '../global.css';
import { MantineProvider } from '@mantine/core';
import { Notifications } from '@mantine/notifications';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { ConfirmProvider } from '../components/confirm.js';
import { styleNonce } from '../nonce.js';
import { ErrorBoundary } from '../shell/error-boundary.js';
import { cssVariables, theme } from '../theme.js';
import { LocalInspector } from './local-inspector.js';

// The URL contains the token of this run, for which the browser has got a cookie: it must not stay in the history.
if (location.search !== '') history.replaceState(null, '', location.pathname);
const root = document.querySelector('#root');
if (root === null) throw new Error('local.html has no #root');
const queryClient = new QueryClient();
createRoot(root).render(
  <StrictMode>
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
            <LocalInspector />
          </ConfirmProvider>
        </ErrorBoundary>
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
);
