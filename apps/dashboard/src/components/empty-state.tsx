import { Paper, Stack, Text, ThemeIcon, Title } from '@mantine/core';
import type { ReactElement, ReactNode } from 'react';
import type { Icon } from '../icons.js';

interface EmptyStateProps {
  readonly icon: Icon;
  readonly title: string;
  /** What would appear here, and how to get it. */
  readonly children?: ReactNode;
  /** Next step: a button or a link. */
  readonly action?: ReactNode;
}

/** Replaces an empty list and shows the next step. */
export function EmptyState({ icon: StateIcon, title, children, action }: EmptyStateProps): ReactElement {
  return (
    <Paper p="xl" radius="md">
      <Stack align="center" gap="xs" py="xl" ta="center">
        <ThemeIcon variant="light" size={48} radius="xl" aria-hidden>
          <StateIcon size={24} stroke={1.6} />
        </ThemeIcon>
        <Title order={2} size="h4" mt="xs">
          {title}
        </Title>
        <Text c="dimmed" maw={460} component="div">
          {children}
        </Text>
        {action !== undefined && <div>{action}</div>}
      </Stack>
    </Paper>
  );
}
