import { Badge } from '@mantine/core';
import type { ReactElement } from 'react';
import type { PreviewAccess } from '../api/previews.js';
import { texts } from './texts.js';
import classes from './access-badge.module.css';

/** Shows who can open a preview. */
export function AccessBadge({ access }: { access: PreviewAccess }): ReactElement {
  return (
    <Badge variant="outline" tt="none" fw={500} className={classes['badge']} data-access={access}>
      {texts.accessBadge[access]}
    </Badge>
  );
}
