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
import { texts } from './texts.js';

/** API keys of the team. */
export function ApiKeysPage(): ReactElement {
  const keys = useQuery(apiKeys());
  const [isCreating, setIsCreating] = useState(false);
  const create = (
    <ScopedButton needs="keys:write" leftSection={<IconPlus size={16} />} onClick={() => setIsCreating(true)}>
      {texts.apiKeysPage.createKey}
    </ScopedButton>
  );
  return (
    <Page title={texts.apiKeysPage.apiKeys} description={texts.apiKeysPage.description} actions={create}>
      <QueryView query={keys}>
        {(all) =>
          all.length === 0 ? (
            <EmptyState icon={IconKey} title={texts.apiKeysPage.noKeys} action={create}>
              {texts.apiKeysPage.noKeysText}
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
        <SearchField label={texts.apiKeysPage.searchKeys} value={search} onChange={setSearch} />
        <SegmentedControl
          data={[
            { value: 'usable', label: texts.apiKeysPage.working },
            { value: 'all', label: texts.apiKeysPage.all },
          ]}
          value={shown}
          onChange={setShown}
          aria-label={texts.apiKeysPage.filterByState}
        />
      </Group>
      {rows.length === 0 ? (
        <EmptyState icon={IconSearch} title={texts.apiKeysPage.noMatch}>
          {texts.apiKeysPage.noMatchText}
        </EmptyState>
      ) : (
        <VirtualTable
          label={texts.apiKeysPage.apiKeys}
          columns={COLUMNS}
          rows={rows}
          keyOf={({ id }) => id}
        />
      )}
    </Stack>
  );
}

const COLUMNS: readonly Column<ApiKey>[] = [
  {
    key: 'name',
    header: texts.apiKeysPage.name,
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
    header: texts.apiKeysPage.state,
    width: 'minmax(7.5rem, 1fr)',
    render: (key) => <State apiKey={key} />,
  },
  {
    key: 'scopes',
    header: texts.apiKeysPage.may,
    width: 'minmax(9rem, 1.6fr)',
    render: ({ scopes }) => (
      <Tooltip label={scopes.map((scope) => SCOPE_TEXTS[scope].label).join(', ')}>
        <Text size="sm" lineClamp={2}>
          {scopes.length === Object.keys(SCOPE_TEXTS).length
            ? texts.apiKeysPage.everything
            : scopes.map((scope) => SCOPE_TEXTS[scope].label).join(', ')}
        </Text>
      </Tooltip>
    ),
  },
  {
    key: 'used',
    header: texts.apiKeysPage.lastUsed,
    width: 'minmax(7rem, 0.9fr)',
    onPhone: 'hidden',
    render: ({ lastUsedAt, lastUsedAddress }) => (
      <>
        <Text size="sm">
          <TimeAgo at={lastUsedAt} />
        </Text>
        {lastUsedAddress !== null && (
          <Text size="xs" c="dimmed">
            {texts.apiKeysPage.fromAddress(lastUsedAddress)}
          </Text>
        )}
      </>
    ),
  },
  {
    key: 'made',
    header: texts.apiKeysPage.made,
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
          texts.apiKeysPage.neverExpires
        ) : (
          <>
            {state === 'expired' ? texts.apiKeysPage.expired : texts.apiKeysPage.expires}{' '}
            <TimeAgo at={apiKey.expiresAt} />
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
    onSuccess: () => toastDone(texts.apiKeysPage.revoked(apiKey.name)),
    onError: (error) => toastProblem(error, texts.apiKeysPage.notRevoked),
    onSettled: () => refresh('api-key', 'session', 'team'),
  });
  const askToRevoke = async (): Promise<void> => {
    const isSure = await confirm({
      title: texts.apiKeysPage.revokeTitle(apiKey.name),
      text: texts.apiKeysPage.revokeText,
      confirm: texts.apiKeysPage.revoke,
      isDangerous: true,
    });
    if (isSure) revocation.mutate();
  };
  const state = stateOfKey(apiKey, useNow());
  if (state === 'revoked' || state === 'expired') return null;
  const close = (): void => setDialog(null);
  const rotate = {
    label: texts.apiKeysPage.rotate,
    needs: 'keys:write',
    onClick: () => setDialog('rotate'),
  } as const;
  // The new key would belong to the caller, so the key of another person can only be revoked.
  const isOthers = apiKey.createdByUserId !== null && apiKey.createdByUserId !== user?.id;
  return (
    <>
      <RowMenu
        label={texts.apiKeysPage.actionsFor(apiKey.name)}
        actions={[
          { label: texts.apiKeysPage.rename, needs: 'keys:write', onClick: () => setDialog('rename') },
          ...(isOthers ? [] : [rotate]),
          {
            label: texts.apiKeysPage.revoke,
            needs: 'keys:write',
            onClick: () => void askToRevoke(),
            isDangerous: true,
          },
        ]}
      />
      <RenameDialog
        key={apiKey.name}
        title={texts.apiKeysPage.renameTitle(apiKey.name)}
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
