import { Code, Group, SegmentedControl, Stack, Text, Tooltip } from '@mantine/core';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useState, type ReactElement } from 'react';
import { apiKeys, type ApiKey } from '../../api/api-keys.js';
import { answerOf, api } from '../../api/client.js';
import { useMe } from '../../api/me.js';
import { refresh } from '../../api/refresh.js';
import { useConfirm } from '../../components/confirm.js';
import { EmptyState } from '../../components/empty-state.js';
import { Page } from '../../components/page.js';
import { QueryView } from '../../components/query-view.js';
import { RenameDialog } from '../../components/rename-dialog.js';
import { RowMenu } from '../../components/row-menu.js';
import { ScopedButton } from '../../components/scoped-button.js';
import { matches, SearchField } from '../../components/search-field.js';
import { StateDot } from '../../components/state-dot.js';
import { TimeAgo, useNow } from '../../components/time-ago.js';
import { toastDone, toastProblem } from '../../components/toast.js';
import { VirtualTable, type Column } from '../../components/virtual-table.js';
import { IconKey, IconPlus, IconSearch } from '../../icons.js';
import { CreateKeyDialog } from './create-key-dialog.js';
import { KEY_STATES, stateOfKey } from './keys.js';
import { RotateKeyDialog } from './rotate-key-dialog.js';
import { SCOPE_TEXTS } from './scopes.js';

/** API keys of the team. */
export function ApiKeysPage(): ReactElement {
  const keys = useQuery(apiKeys());
  const [isCreating, setIsCreating] = useState(false);
  const create = (
    <ScopedButton needs="keys:write" leftSection={<IconPlus size={16} />} onClick={() => setIsCreating(true)}>
      Create a key
    </ScopedButton>
  );
  return (
    <Page
      title="API keys"
      description="Credentials for machines: traffic managers, CI, scripts. A key is shown only once, when it is created."
      actions={create}
    >
      <QueryView query={keys}>
        {(all) =>
          all.length === 0 ? (
            <EmptyState icon={IconKey} title="No keys yet" action={create}>
              A traffic manager needs a key to connect. Create one for each cluster, so that you can revoke
              each separately.
            </EmptyState>
          ) : (
            <Keys keys={all} />
          )
        }
      </QueryView>
      <CreateKeyDialog isOpen={isCreating} onClose={() => setIsCreating(false)} />
    </Page>
  );
}

function Keys({ keys }: { keys: readonly ApiKey[] }): ReactElement {
  const [search, setSearch] = useState('');
  const [shown, setShown] = useState('usable');
  const now = useNow();
  const rows = keys.filter((key) => {
    const state = stateOfKey(key, now);
    const isUsable = state === 'usable' || state === 'expiring';
    return (shown === 'all' || isUsable) && matches(search, key.name, key.hint, ...key.scopes);
  });
  return (
    <Stack>
      <Group gap="sm">
        <SearchField label="Search keys" value={search} onChange={setSearch} />
        <SegmentedControl
          data={[
            { value: 'usable', label: 'Working' },
            { value: 'all', label: 'All' },
          ]}
          value={shown}
          onChange={setShown}
          aria-label="Filter by state"
        />
      </Group>
      {rows.length === 0 ? (
        <EmptyState icon={IconSearch} title="No keys match">
          Revoked and expired keys are under “All”.
        </EmptyState>
      ) : (
        <VirtualTable label="API keys" columns={COLUMNS} rows={rows} keyOf={({ id }) => id} />
      )}
    </Stack>
  );
}

const COLUMNS: readonly Column<ApiKey>[] = [
  {
    key: 'name',
    header: 'Name',
    width: 'minmax(9rem, 1.4fr)',
    onPhone: 'title',
    render: ({ name, hint }) => (
      <>
        <Text size="sm" fw={500}>
          {name}
        </Text>
        <Code>{hint}…</Code>
      </>
    ),
  },
  {
    key: 'state',
    header: 'State',
    width: 'minmax(7.5rem, 1fr)',
    render: (key) => <State apiKey={key} />,
  },
  {
    key: 'scopes',
    header: 'May',
    width: 'minmax(9rem, 1.6fr)',
    render: ({ scopes }) => (
      <Tooltip label={scopes.map((scope) => SCOPE_TEXTS[scope].label).join(', ')}>
        <Text size="sm" lineClamp={2}>
          {scopes.length === Object.keys(SCOPE_TEXTS).length
            ? 'Everything'
            : scopes.map((scope) => SCOPE_TEXTS[scope].label).join(', ')}
        </Text>
      </Tooltip>
    ),
  },
  {
    key: 'used',
    header: 'Last used',
    width: 'minmax(7rem, 0.9fr)',
    render: ({ lastUsedAt, lastUsedAddress }) => (
      <>
        <Text size="sm">
          <TimeAgo at={lastUsedAt} />
        </Text>
        {lastUsedAddress !== null && (
          <Text size="xs" c="dimmed">
            from {lastUsedAddress}
          </Text>
        )}
      </>
    ),
  },
  {
    key: 'made',
    header: 'Made',
    width: 'minmax(6rem, 0.7fr)',
    onPhone: 'hidden',
    render: ({ createdAt }) => <TimeAgo at={createdAt} />,
  },
  {
    key: 'actions',
    header: '',
    width: '2rem',
    onPhone: 'corner',
    render: (key) => <Actions apiKey={key} />,
  },
];

function State({ apiKey }: { apiKey: ApiKey }): ReactElement {
  const state = stateOfKey(apiKey, useNow());
  const { label, tone } = KEY_STATES[state];
  return (
    <>
      <Group gap={6} wrap="nowrap" component="span" display="inline-flex">
        <StateDot tone={tone} />
        <Text size="sm" span>
          {label}
        </Text>
      </Group>
      <Text size="xs" c="dimmed">
        {apiKey.revokedAt !== null ? (
          <TimeAgo at={apiKey.revokedAt} />
        ) : apiKey.expiresAt === null ? (
          'never expires'
        ) : (
          <>
            {state === 'expired' ? 'expired' : 'expires'} <TimeAgo at={apiKey.expiresAt} />
          </>
        )}
      </Text>
    </>
  );
}

function Actions({ apiKey }: { apiKey: ApiKey }): ReactElement | null {
  const confirm = useConfirm();
  const { user } = useMe();
  const [dialog, setDialog] = useState<'rename' | 'rotate' | null>(null);
  const revocation = useMutation({
    mutationFn: () =>
      answerOf(api.DELETE('/api/v1/api-keys/{apiKeyId}', { params: { path: { apiKeyId: apiKey.id } } })),
    onSuccess: () => toastDone(`Revoked ${apiKey.name}`),
    onError: (error) => toastProblem(error, 'The key could not be revoked'),
    onSettled: () => refresh('api-key', 'session', 'team'),
  });
  const askToRevoke = async (): Promise<void> => {
    const isSure = await confirm({
      title: `Revoke ${apiKey.name}?`,
      text:
        'It stops working at once and for good. Tunnels that were opened with it close, and their previews ' +
        'wait for a traffic manager with another key. Keys that it created are revoked too.',
      confirm: 'Revoke',
      isDangerous: true,
    });
    if (isSure) revocation.mutate();
  };
  const state = stateOfKey(apiKey, useNow());
  if (state === 'revoked' || state === 'expired') return null;
  const close = (): void => setDialog(null);
  const rotate = { label: 'Rotate', needs: 'keys:write', onClick: () => setDialog('rotate') } as const;
  // The new key would belong to the caller, so the key of another person can only be revoked.
  const isOthers = apiKey.createdByUserId !== null && apiKey.createdByUserId !== user?.id;
  return (
    <>
      <RowMenu
        label={`Actions for ${apiKey.name}`}
        actions={[
          { label: 'Rename', needs: 'keys:write', onClick: () => setDialog('rename') },
          ...(isOthers ? [] : [rotate]),
          { label: 'Revoke', needs: 'keys:write', onClick: () => void askToRevoke(), isDangerous: true },
        ]}
      />
      <RenameDialog
        key={apiKey.name}
        title={`Rename ${apiKey.name}`}
        name={apiKey.name}
        isRequired
        onRename={(name) => renameKey(apiKey.id, name)}
        isOpen={dialog === 'rename'}
        onClose={close}
      />
      <RotateKeyDialog apiKey={apiKey} isOpen={dialog === 'rotate'} onClose={close} />
    </>
  );
}

async function renameKey(apiKeyId: string, name: string): Promise<void> {
  await answerOf(
    api.PATCH('/api/v1/api-keys/{apiKeyId}', { params: { path: { apiKeyId } }, body: { name } }),
  );
  await refresh('api-key');
}
