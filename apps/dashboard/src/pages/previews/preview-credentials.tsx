import {
  Button,
  Group,
  Modal,
  NativeSelect,
  Stack,
  Table,
  Tabs,
  Text,
  TextInput,
  VisuallyHidden,
} from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState, type ReactElement, type SubmitEvent } from 'react';
import { isUsable } from '../../api/is-usable.js';
import { keyOf } from '../../api/keys.js';
import {
  createPreviewToken,
  createShareLink,
  previewTokensOf,
  revokePreviewToken,
  revokeShareLink,
  shareLinksOf,
  type PreviewToken,
  type ShareLink,
} from '../../api/preview-credentials.js';
import type { Preview } from '../../api/previews.js';
import { describeError } from '../../api/problem.js';
import { queryClient } from '../../api/query-client.js';
import { useConfirm } from '../../components/confirm.js';
import { QueryView } from '../../components/query-view.js';
import { ScopedButton } from '../../components/scoped-button.js';
import { SecretOnce } from '../../components/secret-once.js';
import { PageSection } from '../../components/page-section.js';
import { TimeAgo } from '../../components/time-ago.js';
import { toastDone, toastProblem } from '../../components/toast.js';
import { IconPlus } from '../../icons.js';
import { texts } from './texts.js';

const DAY_MS = 86_400_000;

/** Credentials for visitors without an account: links for people, tokens for machines. */
interface Kind {
  readonly what: 'link' | 'token';
  readonly resource: 'share-link' | 'preview-token';
  readonly about: string;
  readonly create: (previewId: string, name: string, expiresAt?: string) => Promise<string>;
  readonly revoke: (previewId: string, id: string) => Promise<void>;
  /** Lifetime in days; 0: forever. */
  readonly days: readonly (readonly [days: number, label: string])[];
}

const LINKS: Kind = {
  what: 'link',
  resource: 'share-link',
  about: texts.previewCredentials.linkAbout,
  create: createShareLink,
  revoke: revokeShareLink,
  days: [
    [1, texts.previewCredentials.aDay],
    [7, texts.previewCredentials.aWeek],
    [30, texts.previewCredentials.days30],
    [365, texts.previewCredentials.aYear],
  ],
};

const TOKENS: Kind = {
  what: 'token',
  resource: 'preview-token',
  about: texts.previewCredentials.tokenAbout,
  create: createPreviewToken,
  revoke: revokePreviewToken,
  days: [
    [0, texts.previewCredentials.forever],
    [7, texts.previewCredentials.aWeek],
    [30, texts.previewCredentials.days30],
    [365, texts.previewCredentials.aYear],
  ],
};

export function PreviewCredentials({ preview }: { preview: Preview }): ReactElement {
  const links = useQuery(shareLinksOf(preview.id));
  const tokens = useQuery(previewTokensOf(preview.id));
  const [created, setCreated] = useState<Kind | null>(null);
  return (
    <PageSection title={texts.previewCredentials.sharing}>
      <Tabs defaultValue="links" keepMounted={false}>
        <Tabs.List mb="md">
          <Tabs.Tab value="links">{texts.previewCredentials.shareLinks}</Tabs.Tab>
          <Tabs.Tab value="tokens">{texts.previewCredentials.tokensForMachines}</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="links">
          <QueryView query={links}>
            {(items) => (
              <CredentialList kind={LINKS} previewId={preview.id} items={items} onCreate={setCreated} />
            )}
          </QueryView>
        </Tabs.Panel>
        <Tabs.Panel value="tokens">
          <QueryView query={tokens}>
            {(items) => (
              <CredentialList kind={TOKENS} previewId={preview.id} items={items} onCreate={setCreated} />
            )}
          </QueryView>
        </Tabs.Panel>
      </Tabs>
      {created !== null && (
        <CreateDialog kind={created} previewId={preview.id} onClose={() => setCreated(null)} />
      )}
    </PageSection>
  );
}

interface CredentialListProps {
  readonly kind: Kind;
  readonly previewId: string;
  readonly items: readonly (ShareLink | PreviewToken)[];
  readonly onCreate: (kind: Kind) => void;
}

function CredentialList({ kind, previewId, items, onCreate }: CredentialListProps): ReactElement {
  const confirm = useConfirm();
  const usable = items.filter(isUsable);
  const revoke = async ({ id, name }: ShareLink | PreviewToken): Promise<void> => {
    const isSure = await confirm({
      title: texts.previewCredentials.revokeTitle[kind.what](name),
      text: texts.previewCredentials.revokeText,
      confirm: texts.previewCredentials.revoke,
      isDangerous: true,
    });
    if (!isSure) return;
    try {
      await kind.revoke(previewId, id);
      toastDone(texts.previewCredentials.revoked(name));
    } catch (error) {
      toastProblem(error);
    }
    await queryClient.invalidateQueries({ queryKey: keyOf(kind.resource, previewId) });
  };
  return (
    <Stack gap="sm">
      <Group justify="space-between">
        <Text size="sm" c="dimmed">
          {kind.about}
        </Text>
        <ScopedButton
          needs="previews:write"
          variant="default"
          size="xs"
          leftSection={<IconPlus size={14} />}
          onClick={() => onCreate(kind)}
        >
          {texts.previewCredentials.createTitle[kind.what]}
        </ScopedButton>
      </Group>
      {usable.length === 0 ? (
        <Text size="sm">{texts.previewCredentials.noneYet}</Text>
      ) : (
        <Table.ScrollContainer minWidth={420}>
          <Table>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{texts.previewCredentials.name}</Table.Th>
                <Table.Th>{texts.previewCredentials.beginsWith}</Table.Th>
                <Table.Th>{texts.previewCredentials.worksUntil}</Table.Th>
                <Table.Th>
                  <VisuallyHidden>{texts.previewCredentials.actions}</VisuallyHidden>
                </Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {usable.map((item) => (
                <Table.Tr key={item.id}>
                  <Table.Td>{item.name}</Table.Td>
                  <Table.Td>{item.hint}…</Table.Td>
                  <Table.Td>
                    <TimeAgo at={item.expiresAt} never={texts.previewCredentials.neverExpires} />
                  </Table.Td>
                  <Table.Td ta="right">
                    <ScopedButton
                      needs="previews:write"
                      variant="subtle"
                      color="red"
                      size="compact-sm"
                      onClick={() => void revoke(item)}
                    >
                      {texts.previewCredentials.revoke}
                    </ScopedButton>
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
    </Stack>
  );
}

interface CreateDialogProps {
  readonly kind: Kind;
  readonly previewId: string;
  readonly onClose: () => void;
}

function CreateDialog({ kind, previewId, onClose }: CreateDialogProps): ReactElement {
  const [name, setName] = useState('');
  const [days, setDays] = useState(kind.days[1]?.[0] ?? 7);
  const [secret, setSecret] = useState<string | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const [isBusy, setIsBusy] = useState(false);

  const create = async (): Promise<void> => {
    setIsBusy(true);
    try {
      const expiresAt = days === 0 ? undefined : new Date(Date.now() + days * DAY_MS).toISOString();
      setSecret(await kind.create(previewId, name, expiresAt));
      await queryClient.invalidateQueries({ queryKey: keyOf(kind.resource, previewId) });
    } catch (error) {
      const { title, detail } = describeError(error);
      setProblem(detail ?? title);
    } finally {
      setIsBusy(false);
    }
  };
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    void create();
  };

  return (
    <Modal
      opened
      onClose={onClose}
      title={texts.previewCredentials.createTitle[kind.what]}
      closeButtonProps={{ 'aria-label': texts.previewCredentials.close }}
    >
      {secret === null ? (
        <form onSubmit={submit}>
          <Stack>
            <TextInput
              label={texts.previewCredentials.name}
              description={texts.previewCredentials.nameDescription}
              placeholder={
                kind.what === 'link'
                  ? texts.previewCredentials.linkNamePlaceholder
                  : texts.previewCredentials.tokenNamePlaceholder
              }
              value={name}
              onChange={(event) => setName(event.currentTarget.value)}
              maxLength={128}
              error={problem}
              required
              data-autofocus
            />
            <NativeSelect
              label={texts.previewCredentials.expires}
              value={String(days)}
              onChange={(event) => setDays(Number(event.currentTarget.value))}
              data={kind.days.map(([value, label]) => ({ value: String(value), label }))}
            />
            <Group justify="flex-end">
              <Button type="submit" loading={isBusy}>
                {texts.previewCredentials.create}
              </Button>
            </Group>
          </Stack>
        </form>
      ) : (
        <Stack>
          <SecretOnce what={kind.what} secret={secret} />
          <Group justify="flex-end">
            <Button onClick={onClose}>{texts.previewCredentials.done}</Button>
          </Group>
        </Stack>
      )}
    </Modal>
  );
}
