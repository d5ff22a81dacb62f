import { Group, Text, Textarea, TextInput } from '@mantine/core';
import { useState, type ReactElement } from 'react';
import type { ReplayRequest } from '../../api/exchanges.js';
import { FormDialog } from '../../components/form-dialog.js';
import { type Drafted, type DraftNotes, type ReplayDraft, requestOf } from './replay-draft.js';
import { texts } from './texts.js';
import classes from './inspector.module.css';

const BODY_NOTES: Readonly<Record<DraftNotes['body'], string | undefined>> = {
  whole: undefined,
  binary: texts.replayDialog.bodyNotText,
  missing: texts.replayDialog.bodyMissing,
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
      title={texts.replayDialog.editAndReplay}
      size="lg"
      isOpen
      onClose={onClose}
      submit={texts.replayDialog.send}
      onSubmit={send}
      isPending={isPending}
      error={error}
    >
      <Group gap="sm" wrap="nowrap" align="flex-start">
        <TextInput
          {...field('method')}
          label={texts.replayDialog.method}
          required
          maxLength={32}
          w={110}
          classNames={{ input: classes['code'] }}
        />
        <TextInput
          {...field('target')}
          label={texts.replayDialog.path}
          required
          maxLength={8192}
          flex={1}
          classNames={{ input: classes['code'] }}
          data-autofocus
        />
      </Group>
      <Textarea
        {...field('headers')}
        label={texts.replayDialog.headers}
        description={texts.replayDialog.headersDescription}
        autosize
        minRows={3}
        maxRows={12}
        spellCheck={false}
        classNames={{ input: classes['code'] }}
      />
      {notes.masked.length > 0 && (
        <Text size="xs" c="dimmed">
          {texts.replayDialog.masked(notes.masked.join(', '))}
        </Text>
      )}
      <Textarea
        {...field('body')}
        label={texts.replayDialog.body}
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
