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

/** What acts for the person, since they signed in with it. */
export function Programs(): ReactElement {
  const all = useQuery(programs());
  return (
    <PageSection
      title="Programs that act for you"
      description="What you signed in to with the culvert command or Telepresence, in whichever of your teams."
    >
      <QueryView query={all}>
        {(list) =>
          list.length === 0 ? (
            <Text size="sm" c="dimmed">
              None. One appears when you run culvert login or telepresence login.
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
    onSuccess: () => toastDone(`${name} acts for you no more`),
    onError: (error) => toastProblem(error, 'It could not be ended'),
    onSettled: () => refresh('me'),
  });
  const ask = async (): Promise<void> => {
    const isSure = await confirm({
      title: `Have ${name} act for you no more?`,
      text:
        'At once: it is signed out, and what traffic managers opened with it closes. API keys that it made stay: ' +
        'revoke them too if you do not trust it any more.',
      confirm: 'End it',
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
        aria-label={`End ${name} in ${team.name}`}
      >
        End
      </Button>
    </li>
  );
}
