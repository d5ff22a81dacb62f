import { ActionIcon, Menu, useMantineColorScheme, type MantineColorScheme } from '@mantine/core';
import type { ReactElement } from 'react';
import { IconCheck, IconDeviceDesktop, IconMoon, IconSun, type Icon } from '../icons.js';
import { texts } from './texts.js';

const CHOICES: readonly { value: MantineColorScheme; label: string; icon: Icon }[] = [
  { value: 'light', label: texts.colorSchemeMenu.light, icon: IconSun },
  { value: 'dark', label: texts.colorSchemeMenu.dark, icon: IconMoon },
  { value: 'auto', label: texts.colorSchemeMenu.asSystem, icon: IconDeviceDesktop },
];

export function ColorSchemeMenu(): ReactElement {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const chosen = CHOICES.find(({ value }) => value === colorScheme) ?? CHOICES[2];
  const ChosenIcon = chosen?.icon ?? IconDeviceDesktop;
  return (
    <Menu position="top-end" width={180}>
      <Menu.Target>
        <ActionIcon size="lg" aria-label={texts.colorSchemeMenu.colors(chosen?.label ?? '')}>
          <ChosenIcon size={18} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        {CHOICES.map(({ value, label, icon: ChoiceIcon }) => (
          <Menu.Item
            key={value}
            leftSection={<ChoiceIcon size={16} />}
            rightSection={
              value === colorScheme ? <IconCheck size={16} aria-label={texts.colorSchemeMenu.chosen} /> : null
            }
            onClick={() => setColorScheme(value)}
          >
            {label}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
