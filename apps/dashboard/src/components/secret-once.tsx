import { Alert, Group, Stack } from '@mantine/core';
import type { ReactElement } from 'react';
import { CodeBlock } from './code-block.js';
import { CopyButton } from './copy-button.js';
import { IconKey } from '../icons.js';

interface SecretOnceProps {
  /** Kind of secret: `key`, `token`, `link`. */
  readonly what: string;
  readonly secret: string;
}

/** A secret that the server shows only once. */
export function SecretOnce({ what, secret }: SecretOnceProps): ReactElement {
  return (
    <Alert color="teal" icon={<IconKey />} title={`Copy the ${what} now`}>
      <Stack gap="sm">
        You won't see it again: the server keeps only a hash of it.
        <CodeBlock code={secret} name={`the ${what}`} wraps />
        <Group>
          <CopyButton value={secret} label={`Copy the ${what}`} />
        </Group>
      </Stack>
    </Alert>
  );
}
