import type { UseQueryResult } from '@tanstack/react-query';
import { useState, type ReactElement, type ReactNode } from 'react';
import { Loading } from './loading.js';

interface TogetherProps {
  /** Queries of the sections. */
  readonly queries: readonly Pick<UseQueryResult, 'isLoading' | 'failureCount'>[];
  readonly children: ReactNode;
}

/**
 * Sections that appear at once, when each query has succeeded or failed for the first time. A section that appears
 * later would move those below it away from the pointer: a click would then miss its button.
 */
export function Together({ queries, children }: TogetherProps): ReactElement {
  const [isShown, setIsShown] = useState(false);
  const isComing = queries.some(({ isLoading, failureCount }) => isLoading && failureCount === 0);
  if (!isComing && !isShown) setIsShown(true);
  return isComing && !isShown ? <Loading /> : <>{children}</>;
}
