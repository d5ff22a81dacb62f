import { Box } from '@mantine/core';
import type { ReactElement } from 'react';
import { CopyIcon } from './copy-button.js';
import { texts } from './texts.js';
import classes from './code-block.module.css';

interface CodeBlockProps {
  readonly code: string;
  /** Name for the copy button: `the command`. */
  readonly name: string;
  /** Breaks long lines instead of scrolling. For secrets, which are useful only as a whole. */
  readonly wraps?: boolean;
}

/** Commands or a file to copy. Long lines scroll, also by keyboard. */
export function CodeBlock({ code, name, wraps }: CodeBlockProps): ReactElement {
  return (
    <Box className={classes['block']}>
      <pre
        className={classes['code']}
        data-wraps={wraps || undefined}
        // The arrow keys scroll long lines.
        // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex
        tabIndex={0}
        aria-label={name}
        role="region"
      >
        {code}
      </pre>
      <div className={classes['copy']}>
        <CopyIcon value={code} label={texts.codeBlock.copy(name)} />
      </div>
    </Box>
  );
}
