import { Alert, Group, Stack } from '@mantine/core';
import type { ReactElement } from 'react';
import { CodeBlock } from './code-block.js';
import { CopyButton } from './copy-button.js';
import { IconKey } from '../icons.js';
import { texts } from './texts.js';

interface SecretOnceProps {
  readonly what: keyof typeof texts.secretOnce.copy;
  readonly secret: string;
}

/** A secret that the server shows only once. */
export function SecretOnce({ what, secret }: SecretOnceProps): ReactElement {
  return (
    <Alert color="teal" icon={<IconKey />} title={texts.secretOnce.title[what]}>
      <Stack gap="sm">
        {what === 'secret' ? texts.secretOnce.secretShownOnce : texts.secretOnce.shownOnce}
        <CodeBlock code={secret} name={texts.secretOnce.name[what]} wraps />
        <Group>
          <CopyButton value={secret} label={texts.secretOnce.copy[what]} />
        </Group>
      </Stack>
    </Alert>
  );
}
