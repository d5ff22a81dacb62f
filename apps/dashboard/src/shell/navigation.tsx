import {
  Avatar,
  Box,
  Group,
  Kbd,
  Menu,
  NavLink,
  ScrollArea,
  Stack,
  Text,
  UnstyledButton,
} from '@mantine/core';
import type { ReactElement, ReactNode } from 'react';
import { Link, useLocation } from 'wouter';
import { useMe } from '../api/me.js';
import { signOut } from '../api/sign-in.js';
import { IconApi, IconLogout, IconSearch, IconUser } from '../icons.js';
import { SECTIONS } from '../routes.js';
import { Brand } from './brand.js';
import { ColorSchemeMenu } from './color-scheme-menu.js';
import { LiveIndicator } from './live-indicator.js';
import { TeamSwitcher } from './team-switcher.js';
import { texts } from './texts.js';
import classes from './shell.module.css';

interface NavigationProps {
  readonly onOpenPalette: () => void;
  /** On a phone: button that closes the navigation. */
  readonly closeMenu: ReactNode;
}

/** Navigation: pages, team and account. */
export function Navigation({ onOpenPalette, closeMenu }: NavigationProps): ReactElement {
  const { scopes } = useMe();
  const [path] = useLocation();
  const offered = SECTIONS.filter(({ scope }) => scope === undefined || scopes.includes(scope));
  return (
    <Stack h="100%" gap="md">
      <Group justify="space-between" px={6}>
        <Brand />
        <Box hiddenFrom="sm">{closeMenu}</Box>
        <Box visibleFrom="sm">
          <LiveIndicator />
        </Box>
      </Group>
      <TeamSwitcher />
      <UnstyledButton
        className={classes['search']}
        onClick={onOpenPalette}
        aria-keyshortcuts="Control+K Meta+K"
      >
        <IconSearch size={16} aria-hidden />
        <span className={classes['grow']}>{texts.navigation.search}</span>
        <Kbd size="xs" aria-hidden>
          {texts.navigation.searchShortcut}
        </Kbd>
      </UnstyledButton>
      <ScrollArea className={classes['grow']} type="never">
        <ul className={classes['links']}>
          {offered.map(({ path: to, label, icon: Icon }) => (
            <li key={to}>
              <NavLink
                component={Link}
                href={to}
                label={label}
                leftSection={<Icon size={18} stroke={1.7} aria-hidden />}
                active={isWithin(path, to)}
                aria-current={isWithin(path, to) ? 'page' : undefined}
                className={classes['link']}
              />
            </li>
          ))}
        </ul>
      </ScrollArea>
      <Group gap={4} wrap="nowrap">
        <PersonMenu />
        <ColorSchemeMenu />
      </Group>
    </Stack>
  );
}

function PersonMenu(): ReactElement {
  const { user, role } = useMe();
  const name = user?.name || user?.email || '';
  return (
    <Menu position="top-start" width={220}>
      <Menu.Target>
        <UnstyledButton className={classes['who']}>
          <Group gap="xs" wrap="nowrap">
            <Avatar size={30} color="culvert" name={name} aria-hidden />
            <Box className={classes['grow']}>
              <Text size="sm" fw={500} truncate>
                {name}
              </Text>
              <Text size="xs" c="dimmed">
                {role ?? texts.navigation.noTeam}
              </Text>
            </Box>
          </Group>
        </UnstyledButton>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item component={Link} href="/profile" leftSection={<IconUser size={16} />}>
          {texts.navigation.profile}
        </Menu.Item>
        <Menu.Item component="a" href="/api/docs" leftSection={<IconApi size={16} />}>
          {texts.navigation.apiDocumentation}
        </Menu.Item>
        <Menu.Divider />
        <Menu.Item leftSection={<IconLogout size={16} />} onClick={signOut}>
          {texts.navigation.signOut}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

function isWithin(path: string, section: string): boolean {
  return path === section || (section !== '/' && path.startsWith(`${section}/`));
}
