import { Group, Text, Textarea, TextInput } from '@mantine/core';
import { useState, type ReactElement } from 'react';
import type { ReplayRequest } from '../../api/exchanges.js';
import { FormDialog } from '../../components/form-dialog.js';
import { type Drafted, type DraftNotes, type ReplayDraft, requestOf } from './replay-draft.js';
import classes from './inspector.module.css';

const BODY_NOTES: Readonly<Record<DraftNotes['body'], string | undefined>> = {
  whole: undefined,
  binary: 'This body is not text. Leave this empty to send it unchanged.',
  missing: 'The body was not captured completely. Enter the body to send.',
};

interface ReplayDialogProps {
  readonly exchangeId: string;
  /** Initial values. */
  readonly drafted: Drafted;
  readonly onClose: () => void;
  readonly onSend: (request: ReplayRequest) => void;
  readonly isPending: boolean;
  readonly error: unknown;
}

/** A request to edit and send. */
export function ReplayDialog(props: ReplayDialogProps): ReactElement {
  const { exchangeId, drafted, onClose, onSend, isPending, error } = props;
  const { notes } = drafted;
  const [draft, setDraft] = useState(drafted.draft);
  const [wrong, setWrong] = useState<{ field: keyof ReplayDraft; problem: string } | null>(null);
  const field = (name: keyof ReplayDraft) => ({
    value: draft[name],
    error: wrong?.field === name ? wrong.problem : undefined,
    onChange: (event: { currentTarget: { value: string } }): void => {
      const { value } = event.currentTarget;
      setDraft((before) => ({ ...before, [name]: value }));
    },
  });
  const send = (): void => {
    const made = requestOf(exchangeId, draft, notes);
    if ('request' in made) onSend(made.request);
    setWrong('request' in made ? null : made);
  };
  return (
    <FormDialog
      title="Edit and replay"
      size="lg"
      isOpen
      onClose={onClose}
      submit="Send"
      onSubmit={send}
      isPending={isPending}
      error={error}
    >
      <Group gap="sm" wrap="nowrap" align="flex-start">
        <TextInput
          {...field('method')}
          label="Method"
          required
          maxLength={32}
          w={110}
          classNames={{ input: classes['code'] }}
        />
        <TextInput
          {...field('target')}
          label="Path"
          required
          maxLength={8192}
          flex={1}
          classNames={{ input: classes['code'] }}
          data-autofocus
        />
      </Group>
      <Textarea
        {...field('headers')}
        label="Headers"
        description="One per line. Culvert adds those of the preview and those that identify the sender."
        autosize
        minRows={3}
        maxRows={12}
        spellCheck={false}
        classNames={{ input: classes['code'] }}
      />
      {notes.masked.length > 0 && (
        <Text size="xs" c="dimmed">
          Left out because they are secret: {notes.masked.join(', ')}. Add them above to send them.
        </Text>
      )}
      <Textarea
        {...field('body')}
        label="Body"
        description={BODY_NOTES[notes.body]}
        autosize
        minRows={3}
        maxRows={16}
        spellCheck={false}
        classNames={{ input: classes['code'] }}
      />
    </FormDialog>
  );
}
