import { Code, Group, Stack, Text } from '@mantine/core';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useState, type ReactElement } from 'react';
import { useLocation } from 'wouter';
import { answerOf, api } from '../../api/client.js';
import { refresh } from '../../api/refresh.js';
import { BackLink } from '../../components/back-link.js';
import { useConfirm } from '../../components/confirm.js';
import { Facts } from '../../components/facts.js';
import { PageSection } from '../../components/page-section.js';
import { Page } from '../../components/page.js';
import { QueryView } from '../../components/query-view.js';
import { RowMenu } from '../../components/row-menu.js';
import { ScopedButton } from '../../components/scoped-button.js';
import { TimeAgo } from '../../components/time-ago.js';
import { toastDone, toastProblem } from '../../components/toast.js';
import { formatNumber } from '../../intl.js';
import { Deliveries } from './deliveries.js';
import { texts } from './texts.js';
import { WebhookDialog } from './webhook-dialog.js';
import { webhookWithDeliveries, type Delivery, type Webhook } from './webhooks.js';
import { WebhookState } from './webhooks-section.js';

/** One webhook: its settings, and what was delivered. */
export function WebhookPage({
  params,
}: {
  params: Readonly<Record<string, string | undefined>>;
}): ReactElement {
  const found = useQuery(webhookWithDeliveries(params['webhookId'] ?? ''));
  if (found.data === undefined) {
    return (
      <Page title={texts.page.title} back={<BackLink href="/team">{texts.page.team}</BackLink>}>
        <QueryView query={found}>{() => null}</QueryView>
      </Page>
    );
  }
  return <Shown {...found.data} />;
}

function Shown({ webhook, deliveries }: { webhook: Webhook; deliveries: readonly Delivery[] }): ReactElement {
  const { name, url, format, events, droppedCount, createdAt } = webhook;
  return (
    <Page
      title={name}
      back={<BackLink href="/team">{texts.page.team}</BackLink>}
      description={<WebhookState webhook={webhook} />}
      actions={<Actions webhook={webhook} />}
    >
      <Stack gap="xl">
        <Facts
          facts={[
            [texts.page.url, <Code key="url">{url}</Code>],
            [texts.page.format, texts.dialog.formats[format]],
            [texts.page.events, events.map((event) => texts.events[event]).join(', ')],
            [texts.page.dropped, droppedCount === 0 ? null : formatNumber(droppedCount)],
            [texts.page.created, <TimeAgo key="created" at={createdAt} />],
          ]}
        />
        <PageSection title={texts.page.deliveries}>
          {deliveries.length === 0 ? (
            <Text c="dimmed" size="sm">
              {texts.page.noDeliveries}
            </Text>
          ) : (
            <Deliveries deliveries={deliveries} />
          )}
        </PageSection>
      </Stack>
    </Page>
  );
}

function Actions({ webhook }: { webhook: Webhook }): ReactElement {
  const { id, name, state } = webhook;
  const path = { webhookId: id };
  const confirm = useConfirm();
  const [, navigate] = useLocation();
  const [isEditing, setIsEditing] = useState(false);
  const test = useMutation({
    mutationFn: () => answerOf(api.POST('/api/v1/webhooks/{webhookId}/test', { params: { path } })),
    onSuccess: () => toastDone(texts.page.testSent),
    onError: (error) => toastProblem(error, texts.page.testNotSent),
    onSettled: () => refresh('webhook'),
  });
  const isEnabled = state === 'enabled';
  const switching = useMutation({
    mutationFn: () => {
      const body = { state: isEnabled ? ('disabled' as const) : ('enabled' as const) };
      return answerOf(api.PATCH('/api/v1/webhooks/{webhookId}', { params: { path }, body }));
    },
    onSuccess: () => toastDone(isEnabled ? texts.page.disabled(name) : texts.page.enabled(name)),
    onError: (error) => toastProblem(error, texts.page.notChanged),
    onSettled: () => refresh('webhook'),
  });
  const removal = useMutation({
    mutationFn: () => answerOf(api.DELETE('/api/v1/webhooks/{webhookId}', { params: { path } })),
    onSuccess: async () => {
      toastDone(texts.page.deleted(name));
      navigate('/team');
      await refresh('webhook');
    },
    onError: (error) => toastProblem(error, texts.page.notDeleted),
  });
  const askToDelete = async (): Promise<void> => {
    const isSure = await confirm({
      title: texts.page.deleteTitle(name),
      text: texts.page.deleteText,
      confirm: texts.page.delete,
      isDangerous: true,
    });
    if (isSure) removal.mutate();
  };
  return (
    <Group gap="xs">
      {isEnabled && (
        <ScopedButton
          needs="team:write"
          variant="default"
          loading={test.isPending}
          onClick={() => test.mutate()}
        >
          {texts.page.sendTest}
        </ScopedButton>
      )}
      <RowMenu
        label={texts.page.actionsFor(name)}
        actions={[
          { label: texts.page.edit, needs: 'team:write', onClick: () => setIsEditing(true) },
          {
            label: isEnabled ? texts.page.disable : texts.page.enable,
            needs: 'team:write',
            onClick: () => switching.mutate(),
          },
          {
            label: texts.page.delete,
            needs: 'team:write',
            onClick: () => void askToDelete(),
            isDangerous: true,
          },
        ]}
      />
      <WebhookDialog
        key={JSON.stringify(webhook)}
        webhook={webhook}
        isOpen={isEditing}
        onClose={() => setIsEditing(false)}
      />
    </Group>
  );
}
