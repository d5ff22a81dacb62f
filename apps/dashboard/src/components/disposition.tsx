import { Group, Text, Tooltip } from '@mantine/core';
import type { ReactElement } from 'react';
import type { Schemas } from '../api/client.js';
import { StateDot, type Tone } from './state-dot.js';
import { texts } from './texts.js';

type Intercept = Schemas['Intercept'];

const DISPOSITIONS: Readonly<
  Record<Intercept['disposition'], { readonly label: string; readonly tone: Tone; readonly about: string }>
> = {
  UNSPECIFIED: {
    label: texts.disposition.notReported,
    tone: 'off',
    about: texts.disposition.notReportedAbout,
  },
  ACTIVE: { label: texts.disposition.active, tone: 'good', about: texts.disposition.activeAbout },
  WAITING: { label: texts.disposition.waiting, tone: 'waiting', about: texts.disposition.waitingAbout },
  NO_CLIENT: {
    label: texts.disposition.noClient,
    tone: 'bad',
    about: texts.disposition.noClientAbout,
  },
  NO_AGENT: { label: texts.disposition.noAgent, tone: 'bad', about: texts.disposition.noAgentAbout },
  NO_MECHANISM: {
    label: texts.disposition.noMechanism,
    tone: 'bad',
    about: texts.disposition.noMechanismAbout,
  },
  NO_PORTS: { label: texts.disposition.noPorts, tone: 'bad', about: texts.disposition.noPortsAbout },
  AGENT_ERROR: { label: texts.disposition.agentError, tone: 'bad', about: texts.disposition.agentErrorAbout },
  BAD_ARGS: {
    label: texts.disposition.badArguments,
    tone: 'bad',
    about: texts.disposition.badArgumentsAbout,
  },
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
