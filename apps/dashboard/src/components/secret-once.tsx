import { Alert, Group, Stack } from '@mantine/core';
import type { ReactElement } from 'react';
import { CodeBlock } from './code-block.js';
import { CopyButton } from './copy-button.js';
import { IconKey } from '../icons.js';

interface SecretOnceProps {
  /** What it is: `key`, `token`, `link`. */
  readonly what: string;
  readonly secret: string;
}

/** A secret that the server shows this once and never again. */
export function SecretOnce({ what, secret }: SecretOnceProps): ReactElement {
  return (
    <Alert color="teal" icon={<IconKey />} title={`Copy the ${what} now`}>
      <Stack gap="sm">
        It is shown this once: the server keeps only a hash of it.
        <CodeBlock code={secret} name={`the ${what}`} wraps />
        <Group>
          <CopyButton value={secret} label={`Copy the ${what}`} />
        </Group>
      </Stack>
    </Alert>
  );
}
