import { Code, Text } from '@mantine/core';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useState, type ReactElement } from 'react';
import { answerOf, api } from '../../api/client.js';
import { refresh } from '../../api/refresh.js';
import { useConfirm } from '../../components/confirm.js';
import { PageSection } from '../../components/page-section.js';
import { QueryView } from '../../components/query-view.js';
import { RenameDialog } from '../../components/rename-dialog.js';
import { RowMenu } from '../../components/row-menu.js';
import { ScopedButton } from '../../components/scoped-button.js';
import { TimeAgo } from '../../components/time-ago.js';
import { toastDone, toastProblem } from '../../components/toast.js';
import { VirtualTable, type Column } from '../../components/virtual-table.js';
import { IconPlus } from '../../icons.js';
import { CreateWorkloadIdentityDialog } from './create-workload-identity-dialog.js';
import { PLATFORMS, workloadIdentities, type WorkloadIdentity } from './team.js';
import { texts } from './texts.js';

const words = texts.workloadIdentities;

/** Rules by which CI jobs sign in without a stored key. */
export function WorkloadIdentities(): ReactElement {
  const all = useQuery(workloadIdentities());
  const [isCreating, setIsCreating] = useState(false);
  return (
    <PageSection
      title={words.title}
      actions={
        <ScopedButton
          needs="team:write"
          size="xs"
          leftSection={<IconPlus size={16} />}
          onClick={() => setIsCreating(true)}
        >
          {words.createTitle}
        </ScopedButton>
      }
    >
      <QueryView query={all}>
        {(list) =>
          list.length === 0 ? (
            <Text c="dimmed" size="sm">
              {words.none}
            </Text>
          ) : (
            <VirtualTable label={words.title} columns={COLUMNS} rows={list} keyOf={({ id }) => id} />
          )
        }
      </QueryView>
      <CreateWorkloadIdentityDialog isOpen={isCreating} onClose={() => setIsCreating(false)} />
    </PageSection>
  );
}

const COLUMNS: readonly Column<WorkloadIdentity>[] = [
  {
    key: 'name',
    header: words.name,
    width: 'minmax(9rem, 1.2fr)',
    onPhone: 'title',
    render: ({ id, name, enabled }) => (
      <>
        <Text size="sm" fw={500}>
          {enabled ? name : words.disabled(name)}
        </Text>
        <Code>{id}</Code>
      </>
    ),
  },
  {
    key: 'platform',
    header: words.platform,
    width: 'minmax(6rem, 0.7fr)',
    render: ({ platform }) => PLATFORMS[platform],
  },
  {
    key: 'conditions',
    header: words.conditions,
    width: 'minmax(10rem, 2fr)',
    render: ({ conditions }) => (
      <>
        {conditions.map(({ claim, values }) => (
          <Text size="sm" key={claim}>
            {words.condition(claim, values)}
          </Text>
        ))}
      </>
    ),
  },
  {
    key: 'used',
    header: words.lastUsed,
    width: 'minmax(7rem, 0.9fr)',
    onPhone: 'hidden',
    render: ({ lastUsedAt, lastUsedSubject }) => (
      <>
        <Text size="sm">
          <TimeAgo at={lastUsedAt} />
        </Text>
        <Text size="xs" c="dimmed" lineClamp={2}>
          {lastUsedSubject}
        </Text>
      </>
    ),
  },
  {
    key: 'actions',
    header: '',
    width: '2rem',
    onPhone: 'corner',
    render: (identity) => <Actions identity={identity} />,
  },
];

function Actions({ identity }: { readonly identity: WorkloadIdentity }): ReactElement {
  const { id, name, enabled } = identity;
  const confirm = useConfirm();
  const [isRenaming, setIsRenaming] = useState(false);
  const path = { workloadIdentityId: id };
  const switching = useMutation({
    mutationFn: () =>
      answerOf(
        api.PATCH('/api/v1/workload-identities/{workloadIdentityId}', {
          params: { path },
          body: { enabled: !enabled },
        }),
      ),
    onError: (error) => toastProblem(error, words.notChanged),
    onSettled: () => refresh('workload-identity'),
  });
  const removal = useMutation({
    mutationFn: () =>
      answerOf(api.DELETE('/api/v1/workload-identities/{workloadIdentityId}', { params: { path } })),
    onSuccess: () => toastDone(words.deleted(name)),
    onError: (error) => toastProblem(error, words.notDeleted),
    onSettled: () => refresh('workload-identity'),
  });
  const ask = async (): Promise<void> => {
    const isSure = await confirm({
      title: words.deleteTitle(name),
      text: words.deleteText,
      confirm: words.delete,
      isDangerous: true,
    });
    if (isSure) removal.mutate();
  };
  return (
    <>
      <RowMenu
        label={words.actionsFor(name)}
        actions={[
          { label: words.rename, needs: 'team:write', onClick: () => setIsRenaming(true) },
          {
            label: enabled ? words.disable : words.enable,
            needs: 'team:write',
            onClick: () => switching.mutate(),
          },
          { label: words.delete, needs: 'team:write', onClick: () => void ask(), isDangerous: true },
        ]}
      />
      <RenameDialog
        key={name}
        title={words.renameTitle(name)}
        name={name}
        isRequired
        onRename={(changed) => rename(id, changed)}
        isOpen={isRenaming}
        onClose={() => setIsRenaming(false)}
      />
    </>
  );
}

async function rename(workloadIdentityId: string, name: string): Promise<void> {
  await answerOf(
    api.PATCH('/api/v1/workload-identities/{workloadIdentityId}', {
      params: { path: { workloadIdentityId } },
      body: { name },
    }),
  );
  await refresh('workload-identity');
}
