import { Button, Checkbox, Group, Modal, Select, Stack, TextInput } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useState, type ReactElement } from 'react';
import { answerOf, api } from '../../api/client.js';
import { refresh } from '../../api/refresh.js';
import { FormDialog } from '../../components/form-dialog.js';
import { SecretOnce } from '../../components/secret-once.js';
import { texts } from './texts.js';
import type { CreatedWebhook, Webhook, WebhookEventType } from './webhooks.js';

const EVENTS = Object.keys(texts.events) as WebhookEventType[];
const FORMATS = Object.entries(texts.dialog.formats).map(([value, label]) => ({ value, label }));

interface WebhookDialogProps {
  /** The webhook to change; absent: a new one is created. */
  readonly webhook?: Webhook;
  readonly isOpen: boolean;
  readonly onClose: () => void;
}

/** Creates a webhook and shows its secret once, or changes one. */
export function WebhookDialog({ webhook, isOpen, onClose }: WebhookDialogProps): ReactElement {
  const [name, setName] = useState(webhook?.name ?? '');
  const [url, setUrl] = useState(webhook?.url ?? '');
  const [format, setFormat] = useState<Webhook['format']>(webhook?.format ?? 'standard');
  const [events, setEvents] = useState<readonly string[]>(webhook?.events ?? EVENTS);
  const saving = useMutation({
    mutationFn: async (): Promise<CreatedWebhook | null> => {
      const body = { name, url, events: events as WebhookEventType[] };
      if (webhook === undefined) return answerOf(api.POST('/api/v1/webhooks', { body: { ...body, format } }));
      const path = { webhookId: webhook.id };
      await answerOf(api.PATCH('/api/v1/webhooks/{webhookId}', { params: { path }, body }));
      return null;
    },
    onSuccess: async (created) => {
      await refresh('webhook');
      if (created === null || created.format === 'slack') close();
    },
  });
  const close = (): void => {
    onClose();
    saving.reset();
    if (webhook === undefined) {
      setName('');
      setUrl('');
    }
  };
  if (saving.data?.format === 'standard')
    return <SecretDialog secret={saving.data.secret} isOpen={isOpen} onClose={close} />;
  return (
    <FormDialog
      title={webhook === undefined ? texts.dialog.createTitle : texts.dialog.editTitle(webhook.name)}
      isOpen={isOpen}
      onClose={close}
      submit={webhook === undefined ? texts.dialog.create : texts.dialog.save}
      onSubmit={() => saving.mutate()}
      isPending={saving.isPending}
      error={saving.error}
    >
      <TextInput
        label={texts.dialog.name}
        placeholder={texts.dialog.namePlaceholder}
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
        maxLength={128}
        required
        data-autofocus
      />
      <TextInput
        type="url"
        label={texts.dialog.url}
        placeholder={texts.dialog.urlPlaceholder}
        value={url}
        onChange={(event) => setUrl(event.currentTarget.value)}
        maxLength={2048}
        required
      />
      {webhook === undefined && (
        <Select
          label={texts.dialog.format}
          data={FORMATS}
          value={format}
          onChange={(value) => setFormat(value === 'slack' ? 'slack' : 'standard')}
          allowDeselect={false}
        />
      )}
      <Checkbox.Group
        label={texts.dialog.events}
        value={[...events]}
        onChange={setEvents}
        error={events.length === 0 ? texts.dialog.chooseAtLeastOne : undefined}
      >
        <Stack gap="xs" mt="xs">
          {EVENTS.map((event) => (
            <Checkbox key={event} value={event} size="sm" label={texts.events[event]} />
          ))}
        </Stack>
      </Checkbox.Group>
    </FormDialog>
  );
}

/** A click outside does not close it, because the secret would be lost. */
function SecretDialog(props: {
  readonly secret: string;
  readonly isOpen: boolean;
  readonly onClose: () => void;
}): ReactElement {
  const { secret, isOpen, onClose } = props;
  return (
    <Modal
      opened={isOpen}
      onClose={onClose}
      title={texts.dialog.createdTitle}
      closeOnClickOutside={false}
      closeButtonProps={{ 'aria-label': texts.dialog.close }}
    >
      <Stack>
        <SecretOnce what="secret" secret={secret} />
        <Group justify="flex-end">
          <Button onClick={onClose}>{texts.dialog.copied}</Button>
        </Group>
      </Stack>
    </Modal>
  );
}
