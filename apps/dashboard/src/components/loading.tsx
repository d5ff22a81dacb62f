import { Skeleton, Stack } from '@mantine/core';
import type { ReactElement } from 'react';
import { texts } from './texts.js';

/** Placeholder for content that is loading. */
export function Loading(): ReactElement {
  return (
    <Stack gap="xs" aria-busy="true" aria-label={texts.loading.loading}>
      <Skeleton height={44} />
      <Skeleton height={60} />
      <Skeleton height={60} />
      <Skeleton height={60} />
    </Stack>
  );
}
