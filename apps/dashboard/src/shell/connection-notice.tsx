import { Alert } from '@mantine/core';
import { useNetwork } from '@mantine/hooks';
import type { ReactElement } from 'react';
import { IconCloudOff } from '../icons.js';

/** While the browser has no network. */
export function ConnectionNotice(): ReactElement | null {
  const { online } = useNetwork();
  if (online) return null;
  return (
    <Alert color="orange" radius={0} icon={<IconCloudOff />} title="You are offline" role="status">
      What you see is from before. Changes cannot be made until the network is back.
    </Alert>
  );
}
