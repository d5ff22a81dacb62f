import { Badge } from '@mantine/core';
import type { ReactElement } from 'react';
import type { PreviewAccess } from '../api/previews.js';

/** Who may open a preview. */
export function AccessBadge({ access }: { access: PreviewAccess }): ReactElement {
  return access === 'public' ? (
    <Badge variant="outline" color="orange" tt="none" fw={500}>
      public
    </Badge>
  ) : (
    <Badge variant="outline" color="gray" tt="none" fw={500}>
      team
    </Badge>
  );
}
