import { Alert, Button, Group, Modal, Stack } from '@mantine/core';
import type { ReactElement, ReactNode, SubmitEvent } from 'react';
import { describeError } from '../api/problem.js';
import { texts } from './texts.js';

interface FormDialogProps {
  readonly title: string;
  readonly isOpen: boolean;
  readonly onClose: () => void;
  /** Label of the button: the verb. */
  readonly submit: string;
  /** Whether the action cannot be undone. */
  readonly isDangerous?: boolean;
  readonly onSubmit: () => void;
  readonly isPending: boolean;
  /** Why the action failed, if it did. */
  readonly error: unknown;
  /** Size of the dialog in Mantine's terms. */
  readonly size?: 'md' | 'lg';
  readonly children: ReactNode;
}

/** A form in a dialog: Enter submits it, Escape closes it. */
export function FormDialog(props: FormDialogProps): ReactElement {
  const { title, isOpen, onClose, submit, onSubmit, isPending, error, size = 'md', children } = props;
  const color = props.isDangerous === true ? 'red' : undefined;
  const send = (event: SubmitEvent): void => {
    event.preventDefault();
    if (!isPending) onSubmit();
  };
  return (
    <Modal
      opened={isOpen}
      onClose={onClose}
      title={title}
      size={size}
      closeButtonProps={{ 'aria-label': texts.formDialog.close }}
    >
      <form onSubmit={send}>
        <Stack>
          {children}
          {error !== null && error !== undefined && <FormProblem error={error} />}
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={onClose}>
              {texts.formDialog.cancel}
            </Button>
            <Button type="submit" color={color} loading={isPending}>
              {submit}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}

function FormProblem({ error }: { error: unknown }): ReactElement {
  const { title, detail } = describeError(error);
  return (
    <Alert color="red" variant="light" title={title} role="alert">
      {detail}
    </Alert>
  );
}
