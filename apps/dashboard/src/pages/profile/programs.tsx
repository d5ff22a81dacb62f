import { Button, Paper, Text } from '@mantine/core';
import { queryOptions, useMutation, useQuery } from '@tanstack/react-query';
import type { ReactElement } from 'react';
import { allPages } from '../../api/all-pages.js';
import { answerOf, api, type Schemas } from '../../api/client.js';
import { keyOf } from '../../api/keys.js';
import { refresh } from '../../api/refresh.js';
import { useConfirm } from '../../components/confirm.js';
import { PageSection } from '../../components/page-section.js';
import { QueryView } from '../../components/query-view.js';
import { TimeAgo } from '../../components/time-ago.js';
import { toastDone, toastProblem } from '../../components/toast.js';
import classes from './profile.module.css';

type Program = Schemas['Program'];

export const programs = () =>
  queryOptions({
    queryKey: keyOf('me', 'programs'),
    queryFn: () =>
      allPages<Program>((query) => answerOf(api.GET('/api/v1/me/programs', { params: { query } }))),
  });

/** Programs that act for the person, since they signed in with them. */
export function Programs(): ReactElement {
  const all = useQuery(programs());
  return (
    <PageSection
      title="Programs that act for you"
      description="Programs that you signed in to with the culvert command or Telepresence, in all your teams."
    >
      <QueryView query={all}>
        {(list) =>
          list.length === 0 ? (
            <Text size="sm" c="dimmed">
              None. A program appears here when you run culvert login or telepresence login.
            </Text>
          ) : (
            <Paper px="lg">
              <ul className={classes['list']}>
                {list.map((program) => (
                  <ProgramItem key={program.id} program={program} />
                ))}
              </ul>
            </Paper>
          )
        }
      </QueryView>
    </PageSection>
  );
}

function ProgramItem({ program }: { program: Program }): ReactElement {
  const { id, name, team, createdAt, lastUsedAt } = program;
  const confirm = useConfirm();
  const end = useMutation({
    mutationFn: () =>
      answerOf(api.DELETE('/api/v1/me/programs/{programId}', { params: { path: { programId: id } } })),
    onSuccess: () => toastDone(`Revoked the access of ${name}`),
    onError: (error) => toastProblem(error, 'The access could not be revoked'),
    onSettled: () => refresh('me'),
  });
  const ask = async (): Promise<void> => {
    const isSure = await confirm({
      title: `Revoke the access of ${name}?`,
      text:
        'The program is signed out at once, and tunnels that it opened for traffic managers close. API keys ' +
        'that it created keep working: revoke them too if you no longer trust it.',
      confirm: 'Revoke access',
      isDangerous: true,
    });
    if (isSure) end.mutate();
  };
  return (
    <li className={classes['item']}>
      <div>
        <Text size="sm" fw={500}>
          {name}
        </Text>
        <Text size="xs" c="dimmed">
          in {team.name} · since <TimeAgo at={createdAt} /> · used <TimeAgo at={lastUsedAt} />
        </Text>
      </div>
      <Button
        size="compact-sm"
        variant="subtle"
        color="red"
        loading={end.isPending}
        onClick={() => void ask()}
        aria-label={`Revoke access of ${name} in ${team.name}`}
      >
        Revoke access
      </Button>
    </li>
  );
}
