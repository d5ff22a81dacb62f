import { Group, Paper, Text, Title } from '@mantine/core';
import { useId, type ReactElement, type ReactNode } from 'react';

interface SectionProps {
  readonly title: string;
  readonly description?: ReactNode;
  /** Beside the title. */
  readonly actions?: ReactNode;
  /** Whether it has a frame: a table has its own. */
  readonly isFramed?: boolean;
  readonly children: ReactNode;
}

/** A section of a page, with a heading. */
export function PageSection(props: SectionProps): ReactElement {
  const { title, description, actions, isFramed = false, children } = props;
  const id = useId();
  return (
    <section aria-labelledby={id}>
      <Group justify="space-between" align="flex-end" mb="sm" gap="sm">
        <div>
          <Title order={2} size="h4" id={id}>
            {title}
          </Title>
          {description !== undefined && (
            <Text c="dimmed" size="sm">
              {description}
            </Text>
          )}
        </div>
        {actions}
      </Group>
      {isFramed ? <Paper p="lg">{children}</Paper> : children}
    </section>
  );
}
