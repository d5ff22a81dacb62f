import { Button, Group, Modal, Select, Stack, Text, TextInput } from '@mantine/core';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useState, type ReactElement } from 'react';
import { answerOf, api } from '../../api/client.js';
import { useMe, type Role } from '../../api/me.js';
import { refresh } from '../../api/refresh.js';
import { useConfirm } from '../../components/confirm.js';
import { FormDialog } from '../../components/form-dialog.js';
import { QueryView } from '../../components/query-view.js';
import { RowMenu } from '../../components/row-menu.js';
import { ScopedButton } from '../../components/scoped-button.js';
import { SecretOnce } from '../../components/secret-once.js';
import { PageSection } from '../../components/page-section.js';
import { TimeAgo } from '../../components/time-ago.js';
import { toastDone, toastProblem } from '../../components/toast.js';
import { VirtualTable, type Column } from '../../components/virtual-table.js';
import { IconPlus } from '../../icons.js';
import { invitations, ROLES, rolesGivenBy, type CreatedInvitation, type Invitation } from './team.js';
import { texts } from './texts.js';

export function Invitations(): ReactElement {
  const all = useQuery(invitations());
  const [isInviting, setIsInviting] = useState(false);
  return (
    <PageSection
      title={texts.invitations.invitations}
      actions={
        <ScopedButton
          needs="team:write"
          size="xs"
          leftSection={<IconPlus size={16} />}
          onClick={() => setIsInviting(true)}
        >
          {texts.invitations.inviteTitle}
        </ScopedButton>
      }
    >
      <QueryView query={all}>
        {(list) =>
          list.length === 0 ? (
            <Text c="dimmed" size="sm">
              {texts.invitations.none}
            </Text>
          ) : (
            <VirtualTable
              label={texts.invitations.invitations}
              columns={COLUMNS}
              rows={list}
              keyOf={({ id }) => id}
            />
          )
        }
      </QueryView>
      <InviteDialog isOpen={isInviting} onClose={() => setIsInviting(false)} />
    </PageSection>
  );
}

const COLUMNS: readonly Column<Invitation>[] = [
  {
    key: 'email',
    header: texts.invitations.address,
    width: 'minmax(10rem, 2fr)',
    onPhone: 'title',
    render: ({ email }) => (
      <Text size="sm" fw={500}>
        {email}
      </Text>
    ),
  },
  {
    key: 'role',
    header: texts.invitations.as,
    width: 'minmax(6rem, 1fr)',
    render: ({ role }) => ROLES[role].label,
  },
  {
    key: 'expires',
    header: texts.invitations.until,
    width: 'minmax(7rem, 1fr)',
    render: ({ expiresAt }) => texts.invitations.expires(<TimeAgo at={expiresAt} />),
  },
  {
    key: 'actions',
    header: '',
    width: '2rem',
    onPhone: 'corner',
    render: (invitation) => <Actions invitation={invitation} />,
  },
];

function Actions({ invitation }: { invitation: Invitation }): ReactElement {
  const confirm = useConfirm();
  const [renewed, setRenewed] = useState<CreatedInvitation | null>(null);
  const path = { invitationId: invitation.id };
  const renewal = useMutation({
    mutationFn: () =>
      answerOf(api.POST('/api/v1/team/invitations/{invitationId}/renew', { params: { path } })),
    onSuccess: setRenewed,
    onError: (error) => toastProblem(error, texts.invitations.notRenewed),
    onSettled: () => refresh('invitation'),
  });
  const revocation = useMutation({
    mutationFn: () => answerOf(api.DELETE('/api/v1/team/invitations/{invitationId}', { params: { path } })),
    onSuccess: () => toastDone(texts.invitations.revoked(invitation.email)),
    onError: (error) => toastProblem(error, texts.invitations.notRevoked),
    onSettled: () => refresh('invitation', 'team'),
  });
  const ask = async (): Promise<void> => {
    const isSure = await confirm({
      title: texts.invitations.revokeTitle(invitation.email),
      text: texts.invitations.revokeText,
      confirm: texts.invitations.revoke,
      isDangerous: true,
    });
    if (isSure) revocation.mutate();
  };
  return (
    <>
      <RowMenu
        label={texts.invitations.actionsFor(invitation.email)}
        actions={[
          { label: texts.invitations.renew, needs: 'team:write', onClick: () => renewal.mutate() },
          {
            label: texts.invitations.revoke,
            needs: 'team:write',
            onClick: () => void ask(),
            isDangerous: true,
          },
        ]}
      />
      <LinkDialog email={invitation.email} created={renewed} onClose={() => setRenewed(null)} />
    </>
  );
}

function InviteDialog({ isOpen, onClose }: { isOpen: boolean; onClose: () => void }): ReactElement {
  const { role: own } = useMe();
  const [email, setEmail] = useState('');
  const [role, setRole] = useState<Role>('member');
  const invitation = useMutation({
    mutationFn: () => answerOf(api.POST('/api/v1/team/invitations', { body: { email, role } })),
    onSuccess: () => refresh('invitation', 'team'),
  });
  const close = (): void => {
    onClose();
    setEmail('');
    invitation.reset();
  };
  if (invitation.isSuccess) {
    return <LinkDialog email={invitation.data.email} created={invitation.data} onClose={close} />;
  }
  return (
    <FormDialog
      title={texts.invitations.inviteTitle}
      isOpen={isOpen}
      onClose={close}
      submit={texts.invitations.invite}
      onSubmit={() => invitation.mutate()}
      isPending={invitation.isPending}
      error={invitation.error}
    >
      <TextInput
        type="email"
        label={texts.invitations.email}
        description={texts.invitations.emailDescription}
        placeholder={texts.invitations.emailPlaceholder}
        value={email}
        onChange={(event) => setEmail(event.currentTarget.value)}
        maxLength={254}
        required
        data-autofocus
      />
      <Select
        label={texts.invitations.role}
        description={ROLES[role].about}
        data={rolesGivenBy(own).map((each) => ({ value: each, label: ROLES[each].label }))}
        value={role}
        onChange={(value) => setRole(value ?? 'member')}
        allowDeselect={false}
      />
    </FormDialog>
  );
}

function LinkDialog(props: {
  readonly email: string;
  readonly created: CreatedInvitation | null;
  readonly onClose: () => void;
}): ReactElement {
  const { email, created, onClose } = props;
  return (
    <Modal
      opened={created !== null}
      onClose={onClose}
      title={texts.invitations.invited(email)}
      closeOnClickOutside={false}
      closeButtonProps={{ 'aria-label': texts.invitations.close }}
    >
      <Stack>
        <Text size="sm">
          {created?.isMailed === true ? texts.invitations.mailed(email) : texts.invitations.notMailed(email)}
        </Text>
        <SecretOnce what="link" secret={created?.link ?? ''} />
        <Group justify="flex-end">
          <Button onClick={onClose}>{texts.invitations.done}</Button>
        </Group>
      </Stack>
    </Modal>
  );
}
