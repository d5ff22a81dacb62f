import { Anchor, Badge, Button, Group, Paper, PasswordInput, Stack, Text } from '@mantine/core';
import {
  infiniteQueryOptions,
  queryOptions,
  useInfiniteQuery,
  useMutation,
  useQuery,
} from '@tanstack/react-query';
import { useState, type ReactElement, type SubmitEvent } from 'react';
import { answerOf, api, type Schemas } from '../../api/client.js';
import { keyOf } from '../../api/keys.js';
import { useMe } from '../../api/me.js';
import { describeError } from '../../api/problem.js';
import { refresh } from '../../api/refresh.js';
import { signOut } from '../../api/sign-in.js';
import { useConfirm } from '../../components/confirm.js';
import { Facts } from '../../components/facts.js';
import { Page } from '../../components/page.js';
import { QueryView } from '../../components/query-view.js';
import { PageSection } from '../../components/page-section.js';
import { TimeAgo } from '../../components/time-ago.js';
import { toastDone, toastProblem } from '../../components/toast.js';
import { Together } from '../../components/together.js';
import { programs, Programs } from './programs.js';
import { texts } from './texts.js';
import { describeBrowser } from './user-agent.js';
import classes from './profile.module.css';

type UserSession = Schemas['UserSession'];

const signInMethods = () =>
  queryOptions({
    queryKey: keyOf('me', 'sign-in-methods'),
    queryFn: () => answerOf(api.GET('/api/v1/me/sign-in-methods')),
  });

const userSessions = () =>
  infiniteQueryOptions({
    queryKey: keyOf('user-session', 'all'),
    queryFn: ({ pageParam }) =>
      answerOf(
        api.GET('/api/v1/me/sessions', {
          params: { query: { limit: 50, ...(pageParam === null ? {} : { cursor: pageParam }) } },
        }),
      ),
    initialPageParam: null as string | null,
    getNextPageParam: ({ nextCursor }) => nextCursor,
  });

/** Profile of the signed-in person: how and where they are signed in. */
export function ProfilePage(): ReactElement {
  const { user, teams } = useMe();
  const sections = [useQuery(signInMethods()), useInfiniteQuery(userSessions()), useQuery(programs())];
  return (
    <Page title={texts.profilePage.title} description={user?.email}>
      <Stack gap="xl">
        <Paper p="lg">
          <Facts
            layout="grid"
            facts={[
              [texts.profilePage.name, user?.name === '' ? '–' : (user?.name ?? '–')],
              [texts.profilePage.address, user?.email ?? '–'],
              [
                texts.profilePage.teams,
                teams
                  .map(({ name, role }) =>
                    texts.profilePage.teamAndRole(name, role ?? texts.profilePage.none),
                  )
                  .join(', ') || texts.profilePage.none,
              ],
            ]}
          />
        </Paper>
        <Together queries={sections}>
          <SignInMethods />
          <Sessions />
          <Programs />
          <PasswordForm />
        </Together>
      </Stack>
    </Page>
  );
}

function SignInMethods(): ReactElement {
  const methods = useQuery(signInMethods());
  return (
    <PageSection title={texts.profilePage.howYouSignIn}>
      <QueryView query={methods}>
        {({ hasPassword, providers }) => (
          <Paper px="lg">
            <ul className={classes['list']}>
              <li className={classes['item']}>
                <Text size="sm">
                  {hasPassword ? texts.profilePage.withPassword : texts.profilePage.withoutPassword}
                </Text>
                {!hasPassword && (
                  <Anchor href="/reset-password" size="sm">
                    {texts.profilePage.setPassword}
                  </Anchor>
                )}
              </li>
              {providers.map(({ issuer, createdAt }) => (
                <li key={issuer} className={classes['item']}>
                  <div>
                    <Text size="sm">{hostOf(issuer)}</Text>
                    <Text size="xs" c="dimmed">
                      {texts.profilePage.since(<TimeAgo at={createdAt} />)}
                    </Text>
                  </div>
                </li>
              ))}
            </ul>
          </Paper>
        )}
      </QueryView>
    </PageSection>
  );
}

/** Returns the host by which people know a provider. */
function hostOf(issuer: string): string {
  return URL.parse(issuer)?.host ?? issuer;
}

function Sessions(): ReactElement {
  const confirm = useConfirm();
  const sessions = useInfiniteQuery(userSessions());
  const endOthers = useMutation({
    mutationFn: () => answerOf(api.DELETE('/api/v1/me/sessions')),
    onSuccess: () => toastDone(texts.profilePage.othersSignedOut),
    onError: (error) => toastProblem(error, texts.profilePage.othersNotSignedOut),
    onSettled: () => refresh('user-session'),
  });
  const ask = async (): Promise<void> => {
    const isSure = await confirm({
      title: texts.profilePage.signOutOthersTitle,
      text: texts.profilePage.signOutOthersText,
      confirm: texts.profilePage.signOutOthers,
      isDangerous: true,
    });
    if (isSure) endOthers.mutate();
  };
  return (
    <PageSection
      title={texts.profilePage.sessions}
      actions={
        <Button
          variant="light"
          color="red"
          size="xs"
          loading={endOthers.isPending}
          onClick={() => void ask()}
        >
          {texts.profilePage.signOutAllOthers}
        </Button>
      }
    >
      <QueryView query={sessions}>
        {({ pages }) => (
          <Paper px="lg">
            <ul className={classes['list']}>
              {pages
                .flatMap(({ items }) => items)
                .map((session) => (
                  <Session key={session.id} session={session} />
                ))}
            </ul>
            {sessions.hasNextPage && (
              <Button
                variant="subtle"
                size="xs"
                mb="sm"
                loading={sessions.isFetchingNextPage}
                onClick={() => void sessions.fetchNextPage()}
              >
                {texts.profilePage.showOlderSessions}
              </Button>
            )}
          </Paper>
        )}
      </QueryView>
    </PageSection>
  );
}

function Session({ session }: { session: UserSession }): ReactElement {
  const { id, isCurrent, userAgent, address, createdAt, lastSeenAt } = session;
  const name = describeBrowser(userAgent);
  const end = useMutation({
    mutationFn: () =>
      answerOf(
        api.DELETE('/api/v1/me/sessions/{userSessionId}', { params: { path: { userSessionId: id } } }),
      ),
    onSuccess: () => toastDone(texts.profilePage.signedOut(name)),
    onError: (error) => toastProblem(error, texts.profilePage.notSignedOut),
    onSettled: () => refresh('user-session'),
  });
  return (
    <li className={classes['item']}>
      <div>
        <Group gap="xs">
          <Text size="sm" fw={500} title={userAgent}>
            {name}
          </Text>
          {isCurrent && (
            <Badge size="xs" variant="light">
              {texts.profilePage.thisBrowser}
            </Badge>
          )}
        </Group>
        <Text size="xs" c="dimmed">
          {texts.profilePage.session(
            address ?? texts.profilePage.unknownAddress,
            <TimeAgo at={createdAt} />,
            <TimeAgo at={lastSeenAt} />,
          )}
        </Text>
      </div>
      <Button
        size="compact-sm"
        variant="subtle"
        color="red"
        loading={end.isPending}
        onClick={() => (isCurrent ? signOut() : end.mutate())}
        aria-label={
          isCurrent
            ? texts.profilePage.signOutHere
            : texts.profilePage.signOutOf(name, address ?? texts.profilePage.unknownAddress)
        }
      >
        {texts.profilePage.signOut}
      </Button>
    </li>
  );
}

function PasswordForm(): ReactElement {
  const [current, setCurrent] = useState('');
  const [next, setNext] = useState('');
  const change = useMutation({
    mutationFn: () =>
      answerOf(api.POST('/api/v1/me/password', { body: { currentPassword: current, newPassword: next } })),
    onSuccess: async () => {
      setCurrent('');
      setNext('');
      toastDone(texts.profilePage.passwordChanged);
      await refresh('user-session');
    },
  });
  const save = (event: SubmitEvent): void => {
    event.preventDefault();
    change.mutate();
  };
  const problem = change.isError ? describeError(change.error) : null;
  return (
    <PageSection title={texts.profilePage.password} description={texts.profilePage.passwordAbout} isFramed>
      <form onSubmit={save}>
        <Stack maw={420}>
          <PasswordInput
            label={texts.profilePage.currentPassword}
            autoComplete="current-password"
            value={current}
            onChange={(event) => setCurrent(event.currentTarget.value)}
            maxLength={256}
            required
          />
          <PasswordInput
            label={texts.profilePage.newPassword}
            description={texts.profilePage.newPasswordAbout}
            autoComplete="new-password"
            value={next}
            onChange={(event) => setNext(event.currentTarget.value)}
            minLength={8}
            maxLength={256}
            required
          />
          {problem !== null && (
            <Text size="sm" c="var(--mantine-color-error)" role="alert">
              {problem.title}
              {problem.detail === null ? '' : `: ${problem.detail}`}
            </Text>
          )}
          <Group>
            <Button type="submit" loading={change.isPending}>
              {texts.profilePage.changePassword}
            </Button>
          </Group>
        </Stack>
      </form>
    </PageSection>
  );
}
