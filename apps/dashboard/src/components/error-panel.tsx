import { Alert, Button, Group, Text } from '@mantine/core';
import { useQueryErrorResetBoundary } from '@tanstack/react-query';
import type { ReactElement } from 'react';
import { describeError } from '../api/problem.js';
import { IconAlertTriangle } from '../icons.js';

/** After the server was replaced, files of the page's old version may be gone. */
function isStaleVersion(error: unknown): boolean {
  return error instanceof Error && /dynamically imported module|module script/i.test(error.message);
}

/** In the place of what could not be shown. */
export function ErrorPanel({ error, onRetry }: { error: unknown; onRetry: () => void }): ReactElement {
  const { reset } = useQueryErrorResetBoundary();
  const isStale = isStaleVersion(error);
  const { title, detail } = isStale
    ? { title: 'There is a newer version of this page', detail: 'Reload to get it.' }
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
            Reload
          </Button>
        ) : (
          <Button size="xs" variant="default" onClick={retry}>
            Try again
          </Button>
        )}
      </Group>
    </Alert>
  );
}
