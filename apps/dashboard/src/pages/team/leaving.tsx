import { Button, Group, TextInput } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useState, type ReactElement } from 'react';
import { useLocation } from 'wouter';
import { chooseTeam } from '../../api/chosen-team.js';
import { answerOf, api } from '../../api/client.js';
import { queryClient } from '../../api/query-client.js';
import { useConfirm } from '../../components/confirm.js';
import { FormDialog } from '../../components/form-dialog.js';
import { PageSection } from '../../components/page-section.js';
import { toastDone, toastProblem } from '../../components/toast.js';
import type { Team } from '../../api/team.js';

/** Leaves this team, or creates another one. */
export function Leaving({ team }: { team: Team }): ReactElement {
  const confirm = useConfirm();
  const [, navigate] = useLocation();
  const [isCreating, setIsCreating] = useState(false);
  const leave = useMutation({
    mutationFn: () =>
      answerOf(api.DELETE('/api/v1/teams/{teamId}/membership', { params: { path: { teamId: team.id } } })),
    onSuccess: async () => {
      chooseTeam(null);
      toastDone(`You have left ${team.name}`);
      navigate('/');
      await queryClient.invalidateQueries();
    },
    onError: (error) => toastProblem(error, 'The team could not be left'),
  });
  const ask = async (): Promise<void> => {
    const isSure = await confirm({
      title: `Leave ${team.name}?`,
      text:
        'You lose access at once, and API keys that you created are revoked. To come back, you need an ' +
        'invitation. The last owner of a team cannot leave it.',
      confirm: 'Leave',
      isDangerous: true,
    });
    if (isSure) leave.mutate();
  };
  return (
    <PageSection
      title="Other teams"
      description="A team has its own keys, traffic managers and previews; you can be in several."
      isFramed
    >
      <Group gap="sm">
        <Button variant="default" onClick={() => setIsCreating(true)}>
          Create another team
        </Button>
        <Button variant="light" color="red" loading={leave.isPending} onClick={() => void ask()}>
          Leave this team
        </Button>
      </Group>
      <CreateTeamDialog isOpen={isCreating} onClose={() => setIsCreating(false)} />
    </PageSection>
  );
}

function CreateTeamDialog({ isOpen, onClose }: { isOpen: boolean; onClose: () => void }): ReactElement {
  const [name, setName] = useState('');
  const [, navigate] = useLocation();
  const creation = useMutation({
    mutationFn: () => answerOf(api.POST('/api/v1/teams', { body: { name } })),
    onSuccess: async ({ id }) => {
      onClose();
      chooseTeam(id);
      navigate('/');
      await queryClient.invalidateQueries();
    },
  });
  return (
    <FormDialog
      title="Create another team"
      isOpen={isOpen}
      onClose={onClose}
      submit="Create the team"
      onSubmit={() => creation.mutate()}
      isPending={creation.isPending}
      error={creation.error}
    >
      <TextInput
        label="Name of the team"
        description="You will be its owner."
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
        maxLength={128}
        required
        data-autofocus
      />
    </FormDialog>
  );
}
