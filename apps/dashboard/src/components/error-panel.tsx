import { Alert, Button, Group, Text } from '@mantine/core';
import { useQueryErrorResetBoundary } from '@tanstack/react-query';
import type { ReactElement } from 'react';
import { describeError } from '../api/problem.js';
import { IconAlertTriangle } from '../icons.js';
import { texts } from './texts.js';

/** Reports whether files of the page's old version are gone, after the server was updated. */
function isStaleVersion(error: unknown): boolean {
  return error instanceof Error && /dynamically imported module|module script/i.test(error.message);
}

/** Replaces content that could not be shown. */
export function ErrorPanel({ error, onRetry }: { error: unknown; onRetry: () => void }): ReactElement {
  const { reset } = useQueryErrorResetBoundary();
  const isStale = isStaleVersion(error);
  const { title, detail } = isStale
    ? { title: texts.errorPanel.newVersion, detail: texts.errorPanel.newVersionText }
    : describeError(error);
  const retry = (): void => {
    reset();
    onRetry();
  };
  return (
    <Alert color="red" variant="light" icon={<IconAlertTriangle />} title={title} m="md" role="alert">
      {detail !== null && <Text size="sm">{detail}</Text>}
      <Group mt="sm">
        {isStale ? (
          <Button size="xs" onClick={() => window.location.reload()}>
            {texts.errorPanel.reload}
          </Button>
        ) : (
          <Button size="xs" variant="default" onClick={retry}>
            {texts.errorPanel.tryAgain}
          </Button>
        )}
      </Group>
    </Alert>
  );
}
