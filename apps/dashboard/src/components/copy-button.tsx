import { ActionIcon, Button, CopyButton as Copying, Tooltip } from '@mantine/core';
import type { ReactElement } from 'react';
import { IconCheck, IconCopy } from '../icons.js';
import { texts } from './texts.js';

interface CopyProps {
  readonly value: string;
  /** Label of the button: `Copy the link`. */
  readonly label: string;
}

/** An icon button that copies, and confirms it. */
export function CopyIcon({ value, label }: CopyProps): ReactElement {
  return (
    <Copying value={value} timeout={2000}>
      {({ copied, copy }) => (
        <Tooltip label={copied ? texts.copyButton.copied : label}>
          <ActionIcon onClick={copy} aria-label={copied ? texts.copyButton.copied : label}>
            {copied ? <IconCheck size={16} /> : <IconCopy size={16} />}
          </ActionIcon>
        </Tooltip>
      )}
    </Copying>
  );
}

/** A button that copies, and confirms it. */
export function CopyButton({ value, label }: CopyProps): ReactElement {
  return (
    <Copying value={value} timeout={2000}>
      {({ copied, copy }) => (
        <Button
          variant="default"
          onClick={copy}
          leftSection={copied ? <IconCheck size={16} /> : <IconCopy size={16} />}
        >
          {copied ? texts.copyButton.copied : label}
        </Button>
      )}
    </Copying>
  );
}
