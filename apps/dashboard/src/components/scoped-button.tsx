import { Button, Tooltip, type ButtonProps } from '@mantine/core';
import type { ReactElement, ReactNode } from 'react';
import { useReasonAgainst, type Scope } from '../api/me.js';

interface ScopedButtonProps extends ButtonProps {
  /** What the person's role has to permit. */
  readonly needs: Scope;
  readonly onClick: () => void;
  readonly children: ReactNode;
}

/** A button for what needs a scope: without it, disabled, and it says why. */
export function ScopedButton({ needs, onClick, children, ...rest }: ScopedButtonProps): ReactElement {
  const reason = useReasonAgainst(needs);
  if (reason === undefined) {
    return (
      <Button {...rest} onClick={onClick}>
        {children}
      </Button>
    );
  }
  // Not `disabled`: whoever uses a keyboard should find the reason too.
  return (
    <Tooltip label={reason}>
      <Button {...rest} data-disabled aria-disabled onClick={(event) => event.preventDefault()}>
        {children}
      </Button>
    </Tooltip>
  );
}
