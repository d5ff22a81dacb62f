import { Text } from '@mantine/core';
import type { ReactElement } from 'react';
import type { Session } from '../../api/traffic-managers.js';
import { formatNumber } from '../../intl.js';
import { texts } from './texts.js';

/** Number of open tunnels of a session, and of those that its traffic manager wants if these are more. */
export function TunnelCount({ tunnelCount, wantedTunnelCount }: Session): ReactElement {
  const open = formatNumber(tunnelCount);
  if (wantedTunnelCount === null || tunnelCount >= wantedTunnelCount) return <>{open}</>;
  return (
    <Text span inherit fw={650} title={texts.connectionPage.tunnelsMissing}>
      {texts.connectionPage.tunnelsOf(open, formatNumber(wantedTunnelCount))}
    </Text>
  );
}
