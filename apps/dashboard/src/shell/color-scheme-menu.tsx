import { ActionIcon, Menu, useMantineColorScheme, type MantineColorScheme } from '@mantine/core';
import type { ReactElement } from 'react';
import { IconCheck, IconDeviceDesktop, IconMoon, IconSun, type Icon } from '../icons.js';

const CHOICES: readonly { value: MantineColorScheme; label: string; icon: Icon }[] = [
  { value: 'light', label: 'Light', icon: IconSun },
  { value: 'dark', label: 'Dark', icon: IconMoon },
  { value: 'auto', label: 'As the system', icon: IconDeviceDesktop },
];

export function ColorSchemeMenu(): ReactElement {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const chosen = CHOICES.find(({ value }) => value === colorScheme) ?? CHOICES[2];
  const ChosenIcon = chosen?.icon ?? IconDeviceDesktop;
  return (
    <Menu position="top-end" width={180}>
      <Menu.Target>
        <ActionIcon size="lg" aria-label={`Colors: ${chosen?.label ?? ''}`}>
          <ChosenIcon size={18} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        {CHOICES.map(({ value, label, icon: ChoiceIcon }) => (
          <Menu.Item
            key={value}
            leftSection={<ChoiceIcon size={16} />}
            rightSection={value === colorScheme ? <IconCheck size={16} aria-label="chosen" /> : null}
            onClick={() => setColorScheme(value)}
          >
            {label}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
