import type { UseQueryResult } from '@tanstack/react-query';
import { useState, type ReactElement, type ReactNode } from 'react';
import { Loading } from './loading.js';

interface TogetherProps {
  /** What the sections show. */
  readonly queries: readonly Pick<UseQueryResult, 'isLoading' | 'failureCount'>[];
  readonly children: ReactNode;
}

/**
 * Sections that appear at once, when each query has answered or failed for the first time. One that came later would push
 * those below it from under the pointer: a click that has begun on a button then ends beside it, and does nothing.
 */
export function Together({ queries, children }: TogetherProps): ReactElement {
  const [isShown, setIsShown] = useState(false);
  const isComing = queries.some(({ isLoading, failureCount }) => isLoading && failureCount === 0);
  if (!isComing && !isShown) setIsShown(true);
  return isComing && !isShown ? <Loading /> : <>{children}</>;
}
