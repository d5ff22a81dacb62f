import { Button, Group, Text } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { describeError } from '../api/problem.js';
import { texts } from './texts.js';

/** Long enough to read it and to decide. */
const UNDO_MS = 10_000;

/** Properties of the button that closes a message: its icon alone has no name. */
const closeButtonProps = { 'aria-label': texts.toast.dismiss };

/** Confirms that something is done; with `undo`, offers to undo it. */
export function toastDone(message: string, undo?: () => void): void {
  if (undo === undefined) {
    notifications.show({ message, color: 'teal', closeButtonProps });
    return;
  }
  const id = notifications.show({
    color: 'teal',
    closeButtonProps,
    autoClose: UNDO_MS,
    message: (
      <Group justify="space-between" wrap="nowrap" gap="sm">
        <Text size="sm">{message}</Text>
        <Button
          size="compact-sm"
          variant="light"
          onClick={() => {
            notifications.hide(id);
            undo();
          }}
        >
          {texts.toast.undo}
        </Button>
      </Group>
    ),
  });
}

/** Reports that something failed, and why. */
export function toastProblem(error: unknown, title?: string): void {
  const described = describeError(error);
  notifications.show({
    color: 'red',
    closeButtonProps,
    autoClose: UNDO_MS,
    title: title ?? described.title,
    message: title === undefined ? described.detail : (described.detail ?? described.title),
    role: 'alert',
  });
}
