import { Button, Group, Paper, Stack, Text, TextInput } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useState, type SubmitEvent, type ReactElement } from 'react';
import { answerOf, api } from '../api/client.js';
import { chooseTeam } from '../api/chosen-team.js';
import { describeError } from '../api/problem.js';
import { useMe } from '../api/me.js';
import { queryClient } from '../api/query-client.js';
import { Page } from '../components/page.js';
import { texts } from './texts.js';

const TITLE = texts.noTeam.title;

/** Page for a person without a team. */
export function NoTeam(): ReactElement {
  const { user, mayCreateTeam } = useMe();
  if (mayCreateTeam) return <FirstTeam />;
  return (
    <Page title={TITLE} description={texts.noTeam.about}>
      <Text>{texts.noTeam.askForInvitation(<strong>{user?.email}</strong>)}</Text>
    </Page>
  );
}

function FirstTeam(): ReactElement {
  const [name, setName] = useState('');
  const creation = useMutation({
    mutationFn: () => answerOf(api.POST('/api/v1/teams', { body: { name } })),
    onSuccess: async ({ id }) => {
      chooseTeam(id);
      await queryClient.invalidateQueries();
    },
  });
  const create = (event: SubmitEvent): void => {
    event.preventDefault();
    creation.mutate();
  };
  return (
    <Page title={TITLE} description={texts.noTeam.aboutFirst}>
      <Paper p="lg" maw={480} component="form" onSubmit={create}>
        <Stack>
          <TextInput
            label={texts.noTeam.name}
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
            maxLength={128}
            required
            error={creation.isError ? describeError(creation.error).detail : undefined}
          />
          <Text size="sm" c="dimmed">
            {texts.noTeam.nameDescription}
          </Text>
          <Group>
            <Button type="submit" loading={creation.isPending}>
              {texts.noTeam.createTeam}
            </Button>
          </Group>
        </Stack>
      </Paper>
    </Page>
  );
}
