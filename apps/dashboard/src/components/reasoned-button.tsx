import { Button, Tooltip, type ButtonProps } from '@mantine/core';
import type { ReactElement, ReactNode } from 'react';

interface ReasonedButtonProps extends ButtonProps {
  /** Why the action is not permitted; undefined if it is. */
  readonly reasonAgainst: string | undefined;
  readonly onClick: () => void;
  readonly children: ReactNode;
}

/** A button for an action that may not be permitted. Then it is disabled and shows why. */
export function ReasonedButton(props: ReasonedButtonProps): ReactElement {
  const { reasonAgainst, onClick, children, ...rest } = props;
  if (reasonAgainst === undefined) {
    return (
      <Button {...rest} onClick={onClick}>
        {children}
      </Button>
    );
  }
  // Not `disabled`, so that keyboard users can read the reason too.
  return (
    <Tooltip label={reasonAgainst}>
      <Button {...rest} data-disabled aria-disabled onClick={(event) => event.preventDefault()}>
        {children}
      </Button>
    </Tooltip>
  );
}
