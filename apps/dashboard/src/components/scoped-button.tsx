import type { ButtonProps } from '@mantine/core';
import type { ReactElement, ReactNode } from 'react';
import { useReasonAgainst, type Scope } from '../api/me.js';
import { ReasonedButton } from './reasoned-button.js';

interface ScopedButtonProps extends ButtonProps {
  /** Scope that the person's role must have. */
  readonly needs: Scope;
  readonly onClick: () => void;
  readonly children: ReactNode;
}

/** A button for an action that needs a scope. Without the scope it is disabled and shows why. */
export function ScopedButton({ needs, ...rest }: ScopedButtonProps): ReactElement {
  return <ReasonedButton {...rest} reasonAgainst={useReasonAgainst(needs)} />;
}
