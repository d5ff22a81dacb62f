import type { ReactNode } from 'react';

/** Texts around the pages: navigation, search, notices. */
export const texts = {
  brand: {
    name: 'Culvert',
  },
  colorSchemeMenu: {
    light: 'Light',
    dark: 'Dark',
    asSystem: 'Same as the system',
    colors: (scheme: string) => `Colors: ${scheme}`,
    chosen: 'chosen',
  },
  commandPalette: {
    createPreview: 'Create a preview',
    switchToTeam: (name: string) => `Switch to the team ${name}`,
    lightColors: 'Light colors',
    darkColors: 'Dark colors',
    apiDocumentation: 'API documentation',
    signOut: 'Sign out',
    searching: 'Searching…',
    nothingMatches: 'Nothing matches',
    placeholder: 'Find a page, a preview, a person…',
    label: 'Find a page, a preview, a person, or an action',
  },
  connectionNotice: {
    title: 'You are offline',
    text: "You see data from before. You can't make changes until the network is back.",
  },
  findThings: {
    preview: (hostname: string) => `Preview · ${hostname}`,
    trafficManager: 'Traffic manager',
    apiKey: (hint: string) => `API key · ${hint}…`,
    member: 'Member of the team',
    memberWithEmail: (email: string) => `Member of the team · ${email}`,
  },
  liveIndicator: {
    live: 'Live',
    liveAbout: 'What you see is up to date: changes arrive live.',
    connecting: 'Connecting',
    connectingAbout: 'Connecting to live updates.',
    polling: 'Every 15 s',
    pollingAbout: 'Live updates are interrupted. Until they resume, the page refreshes every 15 seconds.',
  },
  navigation: {
    search: 'Go to…',
    searchShortcut: 'Ctrl K',
    noTeam: 'no team',
    profile: 'Profile',
    apiDocumentation: 'API documentation',
    signOut: 'Sign out',
  },
  noTeam: {
    title: 'You are not in a team yet',
    about: 'A team owns keys, traffic managers and previews.',
    aboutFirst:
      'A team owns keys, traffic managers and previews. Ask an owner or admin of a team to invite you, or create your own.',
    name: 'Name of the team',
    nameDescription: 'You will be its owner.',
    createTeam: 'Create the team',
    askForInvitation: (email: ReactNode) => (
      <>Ask an owner or admin of a team to invite {email}. The link in the invitation leads to their team.</>
    ),
  },
  notFound: {
    title: 'Page not found',
    nothingHere: 'Nothing exists at this address',
    goToStart: 'Go to the start',
    nothingHereText: 'It may have been removed, or belong to another team of yours.',
  },
  sections: {
    start: 'Start',
    previews: 'Previews',
    connections: 'Connections',
    intercepts: 'Intercepts',
    apiKeys: 'API keys',
    team: 'Team',
    auditLog: 'Audit log',
    profile: 'Profile',
  },
  shell: {
    skipToContent: 'Skip to the content',
    navigation: 'Navigation',
    main: 'Main',
    closeNavigation: 'Close the navigation',
  },
  shortcutsDialog: {
    goTo: 'Go to a page or do something',
    ctrl: 'Ctrl',
    search: 'Search on this page',
    show: 'Show the keyboard shortcuts',
    title: 'Keyboard shortcuts',
    close: 'Close',
    singleKeys: 'Use single-key shortcuts',
  },
  teamSwitcher: {
    label: (name: string) => `Team: ${name}. Switch team`,
    teams: 'Teams',
    chosen: 'chosen',
  },
} as const;
