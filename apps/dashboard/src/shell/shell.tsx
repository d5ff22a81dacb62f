import { AppShell, Burger, Group } from '@mantine/core';
import { Suspense, lazy, useEffect, useState, useSyncExternalStore, type ReactElement } from 'react';
import { matchRoute, Route, Switch, useLocation, useRouter } from 'wouter';
import { chosenTeam, onTeamChosen } from '../api/chosen-team.js';
import { useLiveUpdates } from '../api/live.js';
import { followPreviews } from '../api/preview-cache.js';
import { useMe } from '../api/me.js';
import { PageSkeleton } from '../components/page.js';
import { ROUTES } from '../routes.js';
import { Brand } from './brand.js';
import { ErrorBoundary } from './error-boundary.js';
import { Navigation } from './navigation.js';
import { NoTeam } from './no-team.js';
import { NotFound } from './not-found.js';
import { ConnectionNotice } from './connection-notice.js';
import { useShortcuts } from './shortcuts.js';
import { texts } from './texts.js';
import classes from './shell.module.css';

const CommandPalette = lazy(async () => ({
  default: (await import('./command-palette.js')).CommandPalette,
}));
const ShortcutsDialog = lazy(async () => ({
  default: (await import('./shortcuts-dialog.js')).ShortcutsDialog,
}));

/** The frame around every page: navigation, team, connection. Must be below a Suspense boundary. */
export function Shell(): ReactElement {
  useSyncExternalStore(onTeamChosen, chosenTeam);
  const [path, navigate] = useLocation();
  usePageFile(path);
  const { team } = useMe();
  // On a phone. Navigating closes it.
  const [menuOpenAt, setMenuOpenAt] = useState<string | null>(null);
  const isMenuOpen = menuOpenAt === path;
  const closeMenu = (): void => setMenuOpenAt(null);
  // Loaded on first use, and kept.
  const [dialog, setDialog] = useState<'palette' | 'shortcuts' | null>(null);
  useLiveUpdates(team?.id ?? null);
  useEffect(followPreviews, []);
  useShortcuts({
    navigate,
    openPalette: () => setDialog('palette'),
    openHelp: () => setDialog('shortcuts'),
  });

  return (
    <AppShell
      layout="alt"
      header={{ height: { base: 56, sm: 0 } }}
      navbar={{ width: 248, breakpoint: 'sm', collapsed: { mobile: !isMenuOpen } }}
      transitionDuration={0}
    >
      <a href="#content" className={classes['skip']}>
        {texts.shell.skipToContent}
      </a>
      <AppShell.Header hiddenFrom="sm" className={classes['header']}>
        <Group h="100%" px="md" justify="space-between">
          <Brand />
          <Burger
            opened={isMenuOpen}
            onClick={() => setMenuOpenAt(isMenuOpen ? null : path)}
            size="sm"
            aria-label={texts.shell.navigation}
          />
        </Group>
      </AppShell.Header>
      <AppShell.Navbar className={classes['navbar']} aria-label={texts.shell.main}>
        <Navigation
          onOpenPalette={() => setDialog('palette')}
          closeMenu={<Burger opened onClick={closeMenu} size="sm" aria-label={texts.shell.closeNavigation} />}
        />
      </AppShell.Navbar>
      <AppShell.Main id="content" tabIndex={-1} className={classes['main']}>
        <ConnectionNotice />
        <ErrorBoundary resetKey={path}>
          <Suspense fallback={<PageSkeleton />} key={team?.id}>
            {team === null && path !== '/profile' ? <NoTeam /> : <Pages />}
          </Suspense>
        </ErrorBoundary>
      </AppShell.Main>
      <Suspense fallback={null}>
        {dialog === 'palette' && <CommandPalette navigate={navigate} onClose={() => setDialog(null)} />}
        {dialog === 'shortcuts' && <ShortcutsDialog onClose={() => setDialog(null)} />}
      </Suspense>
    </AppShell>
  );
}

/** Loads the file of a page while the server is still asked who is signed in. */
function usePageFile(path: string): void {
  const { parser } = useRouter();
  const route = ROUTES.find(({ path: pattern }) => matchRoute(parser, pattern, path)[0]);
  // The component that shows the page reports the failure.
  route?.load().catch(() => {});
}

function Pages(): ReactElement {
  return (
    <Switch>
      {ROUTES.map(({ path, page: PageOfRoute }) => (
        <Route key={path} path={path}>
          {(params) => <PageOfRoute params={params} />}
        </Route>
      ))}
      <Route>
        <NotFound />
      </Route>
    </Switch>
  );
}
