import { Button, Group, Modal, Stack, Text } from '@mantine/core';
import { createContext, use, useCallback, useRef, useState, type ReactElement, type ReactNode } from 'react';
import { texts } from './texts.js';

export interface Question {
  readonly title: string;
  /** What will happen, and what cannot be undone. */
  readonly text: ReactNode;
  /** Label of the button: the verb of the action. */
  readonly confirm: string;
  readonly isDangerous?: boolean;
}

type Ask = (question: Question) => Promise<boolean>;

const ConfirmContext = createContext<Ask | null>(null);

/** `const confirm = useConfirm()`, then `if (await confirm({ … }))`. */
export function useConfirm(): Ask {
  const ask = use(ConfirmContext);
  if (ask === null) throw new Error('useConfirm is used outside ConfirmProvider');
  return ask;
}

/** Asks before an action that cannot be undone. Escape, and a click outside the dialog, cancel. */
export function ConfirmProvider({ children }: { children: ReactNode }): ReactElement {
  const [question, setQuestion] = useState<Question | null>(null);
  const [isOpen, setIsOpen] = useState(false);
  const answer = useRef<(isYes: boolean) => void>(() => {});

  const ask = useCallback<Ask>((asked) => {
    setQuestion(asked);
    setIsOpen(true);
    return new Promise((resolve) => (answer.current = resolve));
  }, []);
  const close = (isYes: boolean): void => {
    answer.current(isYes);
    setIsOpen(false);
  };

  return (
    <ConfirmContext value={ask}>
      {children}
      <Modal
        opened={isOpen}
        onClose={() => close(false)}
        title={question?.title}
        withCloseButton={false}
        // Above the dialogs that ask, below menus and notices.
        zIndex={250}
      >
        <Stack>
          <Text size="sm" component="div">
            {question?.text}
          </Text>
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={() => close(false)}>
              {texts.confirm.cancel}
            </Button>
            <Button
              color={question?.isDangerous ? 'red' : undefined}
              onClick={() => close(true)}
              data-autofocus
            >
              {question?.confirm}
            </Button>
          </Group>
        </Stack>
      </Modal>
    </ConfirmContext>
  );
}
