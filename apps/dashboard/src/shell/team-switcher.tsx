import { Group, Menu, Text, UnstyledButton } from '@mantine/core';
import type { ReactElement } from 'react';
import { useLocation } from 'wouter';
import { chooseTeam } from '../api/chosen-team.js';
import { useMe } from '../api/me.js';
import { IconCheck, IconChevronDown } from '../icons.js';
import { texts } from './texts.js';
import classes from './shell.module.css';

/**
 * The current team. A person in several teams can switch; pages about one resource of a team do not exist in another.
 */
export function TeamSwitcher(): ReactElement | null {
  const { team, teams } = useMe();
  const [path, navigate] = useLocation();
  if (team === null) return null;
  if (teams.length < 2) {
    return (
      <Text size="sm" fw={600} px="xs" truncate>
        {team.name}
      </Text>
    );
  }
  const change = (id: string): void => {
    chooseTeam(id);
    navigate(`/${path.split('/')[1] ?? ''}`);
  };
  return (
    <Menu width={224} position="bottom-start">
      <Menu.Target>
        <UnstyledButton className={classes['search']} aria-label={texts.teamSwitcher.label(team.name)}>
          <Text size="sm" fw={600} c="var(--mantine-color-text)" truncate className={classes['grow']}>
            {team.name}
          </Text>
          <IconChevronDown size={16} aria-hidden />
        </UnstyledButton>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>{texts.teamSwitcher.teams}</Menu.Label>
        {teams.map(({ id, name, role }) => (
          <Menu.Item
            key={id}
            onClick={() => change(id)}
            rightSection={
              id === team.id ? <IconCheck size={16} aria-label={texts.teamSwitcher.chosen} /> : null
            }
          >
            <Group gap={6} wrap="nowrap">
              <Text size="sm" truncate>
                {name}
              </Text>
              <Text size="xs" c="dimmed">
                {role}
              </Text>
            </Group>
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
