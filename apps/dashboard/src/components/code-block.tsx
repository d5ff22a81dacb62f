import { Box } from '@mantine/core';
import type { ReactElement } from 'react';
import { CopyIcon } from './copy-button.js';
import classes from './code-block.module.css';

interface CodeBlockProps {
  readonly code: string;
  /** What it is, for the button that copies: `the command`. */
  readonly name: string;
}

/** Commands or a file to copy. Scrolls by itself when lines are long, and by keyboard. */
export function CodeBlock({ code, name }: CodeBlockProps): ReactElement {
  return (
    <Box className={classes['block']}>
      {/* Long lines are reached by the arrow keys. */}
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
      <pre className={classes['code']} tabIndex={0} aria-label={name} role="region">
        {code}
      </pre>
      <div className={classes['copy']}>
        <CopyIcon value={code} label={`Copy ${name}`} />
      </div>
    </Box>
  );
}
