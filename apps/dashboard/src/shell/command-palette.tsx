import { Spotlight, spotlight, type SpotlightActionData } from '@mantine/spotlight';
import '@mantine/spotlight/styles.css';
import { useMantineColorScheme } from '@mantine/core';
import { useEffect, useState, type ReactElement } from 'react';
import { chooseTeam } from '../api/chosen-team.js';
import { useMe } from '../api/me.js';
import { signOut } from '../api/sign-in.js';
import { IconApi, IconLogout, IconMoon, IconPlus, IconSearch, IconSun, IconUsers } from '../icons.js';
import { SECTIONS } from '../routes.js';
import { useThings } from './find-things.js';
import { texts } from './texts.js';

interface CommandPaletteProps {
  readonly navigate: (path: string) => void;
  readonly onClose: () => void;
}

/** Finds every page and frequent actions by a part of their names. */
export function CommandPalette({ navigate, onClose }: CommandPaletteProps): ReactElement {
  const { scopes, team, teams } = useMe();
  const { setColorScheme } = useMantineColorScheme();
  const [query, setQuery] = useState('');
  const things = useThings(query, navigate);
  useEffect(() => {
    spotlight.open();
    return () => spotlight.close();
  }, []);

  const actions: SpotlightActionData[] = [
    ...things.actions,
    ...SECTIONS.filter(({ scope }) => scope === undefined || scopes.includes(scope)).map(
      ({ path, label, icon: Icon }) => ({
        id: path,
        label,
        leftSection: <Icon size={18} aria-hidden />,
        onClick: () => navigate(path),
      }),
    ),
    ...(scopes.includes('previews:write')
      ? [
          {
            id: 'new-preview',
            label: texts.commandPalette.createPreview,
            leftSection: <IconPlus size={18} aria-hidden />,
            onClick: () => navigate('/previews/new'),
          },
        ]
      : []),
    ...teams
      .filter(({ id }) => id !== team?.id)
      .map(({ id, name }) => ({
        id: `team-${id}`,
        label: texts.commandPalette.switchToTeam(name),
        leftSection: <IconUsers size={18} aria-hidden />,
        onClick: () => {
          chooseTeam(id);
          navigate('/');
        },
      })),
    {
      id: 'light',
      label: texts.commandPalette.lightColors,
      leftSection: <IconSun size={18} aria-hidden />,
      onClick: () => setColorScheme('light'),
    },
    {
      id: 'dark',
      label: texts.commandPalette.darkColors,
      leftSection: <IconMoon size={18} aria-hidden />,
      onClick: () => setColorScheme('dark'),
    },
    {
      id: 'docs',
      label: texts.commandPalette.apiDocumentation,
      leftSection: <IconApi size={18} aria-hidden />,
      onClick: () => window.location.assign('/api/docs'),
    },
    {
      id: 'sign-out',
      label: texts.commandPalette.signOut,
      leftSection: <IconLogout size={18} aria-hidden />,
      onClick: signOut,
    },
  ];

  return (
    <Spotlight
      actions={actions}
      query={query}
      onQueryChange={setQuery}
      nothingFound={things.isSearching ? texts.commandPalette.searching : texts.commandPalette.nothingMatches}
      shortcut={null}
      onSpotlightClose={onClose}
      scrollable
      maxHeight={400}
      searchProps={{
        leftSection: <IconSearch size={18} aria-hidden />,
        placeholder: texts.commandPalette.placeholder,
        'aria-label': texts.commandPalette.label,
      }}
    />
  );
}
