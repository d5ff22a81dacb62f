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
import { texts } from './texts.js';
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
    <PageSection title={texts.programs.title} description={texts.programs.about}>
      <QueryView query={all}>
        {(list) =>
          list.length === 0 ? (
            <Text size="sm" c="dimmed">
              {texts.programs.none}
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
    onSuccess: () => toastDone(texts.programs.revoked(name)),
    onError: (error) => toastProblem(error, texts.programs.notRevoked),
    onSettled: () => refresh('me'),
  });
  const ask = async (): Promise<void> => {
    const isSure = await confirm({
      title: texts.programs.revokeTitle(name),
      text: texts.programs.revokeText,
      confirm: texts.programs.revoke,
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
          {texts.programs.use(team.name, <TimeAgo at={createdAt} />, <TimeAgo at={lastUsedAt} />)}
        </Text>
      </div>
      <Button
        size="compact-sm"
        variant="subtle"
        color="red"
        loading={end.isPending}
        onClick={() => void ask()}
        aria-label={texts.programs.revokeOf(name, team.name)}
      >
        {texts.programs.revoke}
      </Button>
    </li>
  );
}
