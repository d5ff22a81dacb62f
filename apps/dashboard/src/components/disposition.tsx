import { Group, Text, Tooltip } from '@mantine/core';
import type { ReactElement } from 'react';
import type { Schemas } from '../api/client.js';
import { StateDot, type Tone } from './state-dot.js';
import { texts } from './texts.js';

type Intercept = Schemas['Intercept'];

interface Appearance {
  readonly label: string;
  readonly tone: Tone;
  readonly about: string;
}

const DISPOSITIONS: Readonly<Record<Intercept['disposition'], Appearance>> = {
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

const APPEARANCES: ReadonlyMap<string, Appearance> = new Map(Object.entries(DISPOSITIONS));

/** Returns how a state looks. A state of a server that is newer than this page has its own name as label. */
function appearanceOf(disposition: string): Appearance {
  return (
    APPEARANCES.get(disposition) ?? { label: disposition, tone: 'off', about: texts.disposition.newerAbout }
  );
}

/** Shows the state of an intercept that the cluster reports. */
export function Disposition({
  disposition,
  message,
}: Pick<Intercept, 'disposition' | 'message'>): ReactElement {
  const { label, tone, about } = appearanceOf(disposition);
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
