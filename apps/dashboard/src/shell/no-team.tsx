import { Button, Group, Paper, Stack, Text, TextInput } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useState, type SubmitEvent, type ReactElement } from 'react';
import { answerOf, api } from '../api/client.js';
import { chooseTeam } from '../api/chosen-team.js';
import { describeError } from '../api/problem.js';
import { useMe } from '../api/me.js';
import { queryClient } from '../api/query-client.js';
import { Page } from '../components/page.js';

const TITLE = 'You are not in a team yet';

/** Page for a person without a team. */
export function NoTeam(): ReactElement {
  const { user, mayCreateTeam } = useMe();
  if (mayCreateTeam) return <FirstTeam />;
  return (
    <Page title={TITLE} description="A team owns keys, traffic managers and previews.">
      <Text>
        Ask an owner or admin of a team to invite <strong>{user?.email}</strong>. The link in the invitation
        leads to their team.
      </Text>
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
    <Page
      title={TITLE}
      description="A team owns keys, traffic managers and previews. Ask an owner or admin of a team to invite you, or create your own."
    >
      <Paper p="lg" maw={480} component="form" onSubmit={create}>
        <Stack>
          <TextInput
            label="Name of the team"
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
            maxLength={128}
            required
            error={creation.isError ? describeError(creation.error).detail : undefined}
          />
          <Text size="sm" c="dimmed">
            You will be its owner.
          </Text>
          <Group>
            <Button type="submit" loading={creation.isPending}>
              Create the team
            </Button>
          </Group>
        </Stack>
      </Paper>
    </Page>
  );
}
