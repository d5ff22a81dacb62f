import type { ReactNode } from 'react';
import { count } from '../../count.js';
import { formatTime, formatList } from '../../intl.js';

/** Texts of the pages of traffic managers and their sessions. */
export const texts = {
  connectionHistory: {
    noConnectionsYet: 'No connections yet.',
    showOlderEvents: 'Show older events',
    origin: (event: { at: string; remoteAddress: string; version: string }, ago: ReactNode) => (
      <>
        {formatTime(event.at)} ({ago}) · from {event.remoteAddress}
        {event.version !== '' && ` · version ${event.version}`}
      </>
    ),
    reason: (reason: string) => `: ${reason}`,
    detail: (detail: string) => `Detail: ${detail}`,
    omitted: (events: number) =>
      `${count(events, { one: 'event', other: 'events' })} left out before this one: it reconnected again and again.`,
  },
  connectionPage: {
    trafficManager: 'Traffic manager',
    connections: 'Connections',
    actionsFor: (name: string) => `Actions for ${name}`,
    session: 'Session',
    sessionAbout:
      'A session begins when the traffic manager registers, and ends when it leaves for good. If the traffic manager ' +
      'reconnects within a minute, the session resumes.',
    neverConnected:
      'This traffic manager has never connected. Start it in its cluster, with an API key of this team.',
    noSession:
      'No session at the moment. When the traffic manager connects again, a new session begins, and its ' +
      'previews work again.',
    history: 'History',
    historyAbout: 'When and why its tunnels opened and closed.',
    managerId: 'Manager ID',
    copyManagerId: 'Copy the manager ID',
    cluster: 'Cluster',
    kind: 'Kind',
    culvert: 'Culvert',
    telepresence: 'Telepresence',
    version: 'Version',
    lastSeen: 'Last seen',
    registered: 'Registered',
    since: 'Since',
    tunnels: 'Tunnels',
    roundTrip: 'Round trip',
    openStreams: 'Open streams',
    receivedFromIt: 'Received from it',
    sentToIt: 'Sent to it',
    address: 'Address',
    credential: 'Credential',
    lastAddress: 'Last address',
    tunnelToEdge: 'Tunnel to edge',
    openSince: 'Open since',
    copyEdge: 'Copy the edge',
    tunnelsOf: (open: string, wanted: string) => `${open} of ${wanted}`,
    tunnelsMissing:
      'This traffic manager wants more tunnels than it has, each to another edge. It keeps trying: there may be ' +
      'fewer edges than tunnels, or an edge that it does not reach.',
    notShown: (tunnels: number) =>
      `${count(tunnels, { one: 'older tunnel', other: 'older tunnels' })} not shown.`,
  },
  connectionState: {
    connected: 'Connected',
    reconnecting: 'Reconnecting',
    neverConnected: 'Never connected',
    away: 'Away',
  },
  connectionsPage: {
    all: 'All',
    connected: 'Connected',
    away: 'Away',
    title: 'Connections',
    description: 'The traffic managers of your clusters, and the tunnels that they keep open.',
    none: 'No traffic manager has connected yet',
    connectTrafficManager: 'Connect a traffic manager',
    noneText:
      'A traffic manager runs in your cluster, connects to this server, and carries the requests of previews. The start page has the commands, with your host filled in.',
    searchTrafficManagers: 'Search traffic managers',
    filterByState: 'Filter by state',
    noTrafficManagersMatch: 'No traffic managers match',
    showAll: 'Show all',
    trafficManagers: 'Traffic managers',
    trafficManager: 'Traffic manager',
    state: 'State',
    version: 'Version',
    tunnels: 'Tunnels',
    roundTrip: 'Round trip',
    streams: 'Streams',
    bytes: 'From / to it',
    culvert: 'Culvert',
    telepresence: 'Telepresence',
    actionsFor: (name: string) => `Actions for ${name}`,
    since: (ago: ReactNode) => <>since {ago}</>,
    seen: (ago: ReactNode) => <>seen {ago}</>,
  },
  managerActions: {
    ended: (name: string) => `Ended the session of ${name}`,
    notEnded: 'The session could not be ended',
    deleted: (name: string) => `Deleted ${name}`,
    notDeleted: (name: string) => `${name} could not be deleted`,
    endTitle: (name: string) => `End the session of ${name}?`,
    endText:
      'Its tunnels close at once, and requests under way fail. If the traffic manager still runs, it ' +
      'reconnects after a while and begins a new session. To stop it, revoke its API key.',
    end: 'End the session',
    deleteTitle: (name: string) => `Delete ${name}?`,
    delete: 'Delete',
    consequencesNotLoaded: 'The resources that would be deleted with it could not be loaded',
    rename: 'Rename',
    renameTitle: 'Rename the traffic manager',
    renameDescription: (managerId: string) => `Name that people see. Its manager ID is ${managerId}.`,
    appearsAgain: 'A traffic manager that still runs appears again, but without any of this.',
    consequences: (intercepts: number, previews: number, isMore: boolean) => {
      const least = isMore ? 'more than ' : '';
      const deleted = [
        'its session',
        'its history',
        ...(intercepts > 0
          ? [`${least}${count(intercepts, { one: 'intercept', other: 'intercepts' })}`]
          : []),
        ...(previews > 0 ? [`${least}${count(previews, { one: 'preview', other: 'previews' })}`] : []),
      ];
      const what = `This cannot be undone. It also deletes ${formatList(deleted)}`;
      return previews > 0 ? `${what}, whose links stop working:` : `${what}. It has no previews.`;
    },
    others: (amount: number) => `and ${count(amount, { one: 'other', other: 'others' })}`,
  },
  reasons: {
    connected: 'Connected',
    connectedAgain: 'Connected again',
    disconnected: 'Disconnected',
    sessionEnded: 'Session ended',
    managerStopped: 'the traffic manager stopped, or closed its tunnel',
    edgeStopped: 'the edge stopped after asking it to use another edge',
    edgeLost: 'the edge was killed or lost its connection to the database',
    superseded: 'a newer tunnel of the same process replaced it',
    credentialRevoked: 'its API key was revoked or has expired',
    sessionEndedByPerson: 'the session was ended over the API or in the dashboard',
    livenessLost: 'it did not respond for too long',
    connectionLost: 'the connection broke off',
    protocolError: 'one side broke a rule of the protocol',
    limit: 'a limit was exceeded',
    internalError: 'a fault of the edge or the traffic manager',
    notResumed: 'it did not reconnect in time',
  },
  sessionCredential: {
    program: 'a program that a person signed in to',
    anApiKey: 'an API key',
    theApiKey: (name: string) => `the API key “${name}”`,
  },
} as const;
