import { Anchor, Group } from '@mantine/core';
import type { ReactElement, ReactNode } from 'react';
import { Link } from 'wouter';
import { IconArrowLeft } from '../icons.js';

/** Link above the heading of a page to its parent page. */
export function BackLink({ href, children }: { href: string; children: ReactNode }): ReactElement {
  return (
    <Anchor component={Link} href={href} size="sm" c="dimmed" mb="xs" display="inline-block">
      <Group gap={4} component="span">
        <IconArrowLeft size={15} aria-hidden />
        {children}
      </Group>
    </Anchor>
  );
}
