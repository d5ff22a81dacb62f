import { Badge, Group, Select, Text } from '@mantine/core';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useState, type ReactElement } from 'react';
import { answerOf, api } from '../../api/client.js';
import { keyOf } from '../../api/keys.js';
import { useMay, useMe, type Role } from '../../api/me.js';
import { queryClient } from '../../api/query-client.js';
import { refresh } from '../../api/refresh.js';
import { QueryView } from '../../components/query-view.js';
import { RowMenu } from '../../components/row-menu.js';
import { PageSection } from '../../components/page-section.js';
import { TimeAgo } from '../../components/time-ago.js';
import { toastDone, toastProblem } from '../../components/toast.js';
import { VirtualTable, type Column } from '../../components/virtual-table.js';
import { RemoveMemberDialog } from './remove-member-dialog.js';
import { members, nameOf, ROLES, rolesGivenBy, type Member } from './team.js';
import { texts } from './texts.js';

export function Members(): ReactElement {
  const all = useQuery(members());
  return (
    <PageSection title={texts.members.members}>
      <QueryView query={all}>
        {(list) => (
          <VirtualTable
            label={texts.members.members}
            columns={COLUMNS}
            rows={list}
            keyOf={({ userId }) => userId}
          />
        )}
      </QueryView>
    </PageSection>
  );
}

const COLUMNS: readonly Column<Member>[] = [
  {
    key: 'name',
    header: texts.members.name,
    width: 'minmax(10rem, 2fr)',
    onPhone: 'title',
    render: (member) => <Name member={member} />,
  },
  {
    key: 'role',
    header: texts.members.role,
    width: 'minmax(9rem, 1fr)',
    render: (member) => <RoleChoice member={member} />,
  },
  {
    key: 'joined',
    header: texts.members.joined,
    width: 'minmax(7rem, 1fr)',
    onPhone: 'hidden',
    render: ({ joinedAt }) => <TimeAgo at={joinedAt} />,
  },
  {
    key: 'actions',
    header: '',
    width: '2rem',
    onPhone: 'corner',
    render: (member) => <Actions member={member} />,
  },
];

function Name({ member: { userId, name, email } }: { member: Member }): ReactElement {
  const { user } = useMe();
  return (
    <>
      <Group gap="xs">
        <Text size="sm" fw={500}>
          {name === '' ? email : name}
        </Text>
        {user?.id === userId && (
          <Badge size="xs" variant="light">
            {texts.members.you}
          </Badge>
        )}
      </Group>
      {name !== '' && (
        <Text size="xs" c="dimmed">
          {email}
        </Text>
      )}
    </>
  );
}

/** Reports whether this person can change that member. */
function useMayChange({ role }: Member): boolean {
  const { role: own } = useMe();
  return useMay('team:write') && rolesGivenBy(own).includes(role);
}

function RoleChoice({ member }: { member: Member }): ReactElement {
  const { role: own } = useMe();
  const mayChange = useMayChange(member);
  const change = useMutation({
    mutationFn: (role: Role) => setRole(member.userId, role),
    onMutate: (role) => {
      showRole(member.userId, role);
      return { before: member.role };
    },
    onSuccess: (_member, role, { before }) => {
      const undo = (): void => void setRole(member.userId, before).then(refreshMembers, toastProblem);
      toastDone(texts.members.changed(nameOf(member), ROLES[role].label.toLowerCase()), undo);
    },
    onError: (error) => toastProblem(error, texts.members.notChanged),
    onSettled: refreshMembers,
  });
  if (!mayChange) return <Text size="sm">{ROLES[member.role].label}</Text>;
  return (
    <Select
      size="xs"
      w={130}
      aria-label={texts.members.roleOf(nameOf(member))}
      data={rolesGivenBy(own).map((role) => ({ value: role, label: ROLES[role].label }))}
      value={member.role}
      onChange={(role) => {
        if (role !== null && role !== member.role) change.mutate(role);
      }}
      allowDeselect={false}
    />
  );
}

function setRole(userId: string, role: Role): Promise<unknown> {
  return answerOf(
    api.PATCH('/api/v1/team/members/{userId}', { params: { path: { userId } }, body: { role } }),
  );
}

/** Shows the role before the server confirms it, then fetches it. */
function showRole(userId: string, role: Role): void {
  queryClient.setQueryData(keyOf('member', 'all'), (list: readonly Member[] | undefined) =>
    list?.map((member) => (member.userId === userId ? { ...member, role } : member)),
  );
}

function refreshMembers(): Promise<void> {
  return refresh('member', 'me', 'api-key');
}

function Actions({ member }: { member: Member }): ReactElement | null {
  const [isRemoving, setIsRemoving] = useState(false);
  const mayChange = useMayChange(member);
  const { user } = useMe();
  const name = nameOf(member);
  // The person themselves is below: leaving the team.
  if (!mayChange || user?.id === member.userId) return null;
  return (
    <>
      <RowMenu
        label={texts.members.actionsFor(name)}
        actions={[
          { label: texts.members.removeFromTeam, onClick: () => setIsRemoving(true), isDangerous: true },
        ]}
      />
      <RemoveMemberDialog member={member} isOpen={isRemoving} onClose={() => setIsRemoving(false)} />
    </>
  );
}
