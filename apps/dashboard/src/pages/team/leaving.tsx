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
import { texts } from './texts.js';

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
      toastDone(texts.leaving.left(team.name));
      navigate('/');
      await queryClient.invalidateQueries();
    },
    onError: (error) => toastProblem(error, texts.leaving.notLeft),
  });
  const ask = async (): Promise<void> => {
    const isSure = await confirm({
      title: texts.leaving.leaveTitle(team.name),
      text: texts.leaving.leaveText,
      confirm: texts.leaving.leave,
      isDangerous: true,
    });
    if (isSure) leave.mutate();
  };
  return (
    <PageSection title={texts.leaving.otherTeams} description={texts.leaving.otherTeamsAbout} isFramed>
      <Group gap="sm">
        <Button variant="default" onClick={() => setIsCreating(true)}>
          {texts.leaving.createAnotherTeam}
        </Button>
        <Button variant="light" color="red" loading={leave.isPending} onClick={() => void ask()}>
          {texts.leaving.leaveThisTeam}
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
      title={texts.leaving.createAnotherTeam}
      isOpen={isOpen}
      onClose={onClose}
      submit={texts.leaving.createSubmit}
      onSubmit={() => creation.mutate()}
      isPending={creation.isPending}
      error={creation.error}
    >
      <TextInput
        label={texts.leaving.name}
        description={texts.leaving.nameDescription}
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
        maxLength={128}
        required
        data-autofocus
      />
    </FormDialog>
  );
}
