import { Box, Group, Skeleton, Stack, Text, Title } from '@mantine/core';
import { useEffect, useRef, type ReactElement, type ReactNode } from 'react';
import { texts } from './texts.js';
import classes from './page.module.css';

interface PageProps {
  /** Heading, and title of the browser's tab. */
  readonly title: string;
  readonly description?: ReactNode;
  /** Link above the heading to the parent page. */
  readonly back?: ReactNode;
  /** Actions beside the heading. */
  readonly actions?: ReactNode;
  readonly children: ReactNode;
}

/** The frame of every page. Navigation moves the focus to the heading, so that screen readers announce the page. */
export function Page({ title, description, back, actions, children }: PageProps): ReactElement {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = texts.page.documentTitle(title);
  }, [title]);
  useEffect(() => {
    window.scrollTo(0, 0);
    // Not on the first page of a visit, where the browser sets the focus correctly.
    if (document.activeElement !== document.body && document.activeElement?.closest('a, [role=option]'))
      heading.current?.focus({ preventScroll: true });
  }, []);
  return (
    <Box className={classes['page']}>
      {back}
      <Group justify="space-between" align="flex-start" gap="sm" mb="lg">
        <Box className={classes['titles']}>
          <Title order={1} size="h2" ref={heading} tabIndex={-1} className={classes['heading']}>
            {title}
          </Title>
          {description !== undefined && (
            <Text c="dimmed" mt={4}>
              {description}
            </Text>
          )}
        </Box>
        {actions !== undefined && <Group gap="xs">{actions}</Group>}
      </Group>
      {children}
    </Box>
  );
}

/** Placeholder for a page that is loading. */
export function PageSkeleton(): ReactElement {
  return (
    <Stack className={classes['page']} aria-busy="true" aria-label={texts.page.loading}>
      <Skeleton height={32} width={220} />
      <Skeleton height={16} width={340} />
      <Skeleton height={320} mt="md" />
    </Stack>
  );
}
