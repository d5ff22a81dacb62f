import { Button, Tooltip, type ButtonProps } from '@mantine/core';
import type { ReactElement, ReactNode } from 'react';
import { useReasonAgainst, type Scope } from '../api/me.js';

interface ScopedButtonProps extends ButtonProps {
  /** Scope that the person's role must have. */
  readonly needs: Scope;
  readonly onClick: () => void;
  readonly children: ReactNode;
}

/** A button for an action that needs a scope. Without the scope it is disabled and shows why. */
export function ScopedButton({ needs, onClick, children, ...rest }: ScopedButtonProps): ReactElement {
  const reason = useReasonAgainst(needs);
  if (reason === undefined) {
    return (
      <Button {...rest} onClick={onClick}>
        {children}
      </Button>
    );
  }
  // Not `disabled`, so that keyboard users can read the reason too.
  return (
    <Tooltip label={reason}>
      <Button {...rest} data-disabled aria-disabled onClick={(event) => event.preventDefault()}>
        {children}
      </Button>
    </Tooltip>
  );
}
