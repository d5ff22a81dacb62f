import { Alert } from '@mantine/core';
import { useNetwork } from '@mantine/hooks';
import type { ReactElement } from 'react';
import { IconCloudOff } from '../icons.js';
import { texts } from './texts.js';

/** Notice while the browser has no network. */
export function ConnectionNotice(): ReactElement | null {
  const { online } = useNetwork();
  if (online) return null;
  return (
    <Alert
      color="orange"
      radius={0}
      icon={<IconCloudOff />}
      title={texts.connectionNotice.title}
      role="status"
    >
      {texts.connectionNotice.text}
    </Alert>
  );
}
