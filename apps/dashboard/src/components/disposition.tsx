import { Group, Text, Tooltip } from '@mantine/core';
import type { ReactElement } from 'react';
import type { Schemas } from '../api/client.js';
import { StateDot, type Tone } from './state-dot.js';

type Intercept = Schemas['Intercept'];

const DISPOSITIONS: Readonly<
  Record<Intercept['disposition'], { readonly label: string; readonly tone: Tone; readonly about: string }>
> = {
  UNSPECIFIED: {
    label: 'Not reported',
    tone: 'off',
    about: 'The cluster has not reported the state of this intercept.',
  },
  ACTIVE: { label: 'Active', tone: 'good', about: 'The cluster intercepts the traffic.' },
  WAITING: { label: 'Waiting', tone: 'waiting', about: 'The cluster is preparing the interception.' },
  NO_CLIENT: {
    label: 'No client',
    tone: 'bad',
    about: 'The client that intercepts is not connected to the cluster.',
  },
  NO_AGENT: { label: 'No agent', tone: 'bad', about: 'The workload has no traffic agent.' },
  NO_MECHANISM: { label: 'No mechanism', tone: 'bad', about: 'The agent does not support this mechanism.' },
  NO_PORTS: { label: 'No ports', tone: 'bad', about: 'The service has no port that can be intercepted.' },
  AGENT_ERROR: { label: 'Agent error', tone: 'bad', about: 'The agent could not set up the interception.' },
  BAD_ARGS: { label: 'Bad arguments', tone: 'bad', about: 'The mechanism does not accept these arguments.' },
};

/** Shows the state of an intercept that the cluster reports. */
export function Disposition({
  disposition,
  message,
}: Pick<Intercept, 'disposition' | 'message'>): ReactElement {
  const { label, tone, about } = DISPOSITIONS[disposition];
  return (
    <>
      <Tooltip label={about}>
        <Group gap={6} wrap="nowrap" component="span" display="inline-flex">
          <StateDot tone={tone} />
          <Text size="sm" span>
            {label}
          </Text>
        </Group>
      </Tooltip>
      {message !== '' && (
        <Text size="xs" c="dimmed">
          {message}
        </Text>
      )}
    </>
  );
}
