import type { ReactNode } from 'react';
import { count } from '../../count.js';
import { formatNumber } from '../../intl.js';

/** Texts of the page of the team. */
export const texts = {
  invitations: {
    invitations: 'Invitations',
    inviteTitle: 'Invite a person',
    none: 'No open invitations. An invitation is for one address and is valid for a week.',
    address: 'Address',
    as: 'Role',
    until: 'Expiry',
    notRenewed: 'The invitation could not be renewed',
    revoked: (email: string) => `Revoked the invitation of ${email}`,
    notRevoked: 'The invitation could not be revoked',
    revokeTitle: (email: string) => `Revoke the invitation of ${email}?`,
    revokeText: 'Its link stops working at once.',
    revoke: 'Revoke',
    actionsFor: (email: string) => `Actions for ${email}`,
    renew: 'Renew and copy the link',
    invite: 'Invite',
    email: 'Email address',
    emailDescription: 'Only a person who signs in with this address can accept.',
    emailPlaceholder: 'ann@example.com',
    role: 'Role',
    invited: (email: string) => `Invited ${email}`,
    close: 'Close',
    done: 'Done',
    expires: (ago: ReactNode) => <>expires {ago}</>,
    mailed: (email: string) =>
      `We sent this link to ${email}. You can also send it to them yourself. It works once, for a week.`,
    notMailed: (email: string) =>
      `This server does not send mail, so send this link to ${email} yourself. Anyone who opens it can set ` +
      'the password for that address, so use a channel that only they read. It works once, for a week.',
  },
  leaving: {
    left: (name: string) => `You have left ${name}`,
    notLeft: 'The team could not be left',
    leaveTitle: (name: string) => `Leave ${name}?`,
    leaveText:
      'You lose access at once, and API keys that you created are revoked. To come back, you need an ' +
      'invitation. The last owner of a team cannot leave it.',
    leave: 'Leave',
    otherTeams: 'Other teams',
    otherTeamsAbout: 'A team has its own keys, traffic managers and previews; you can be in several.',
    createAnotherTeam: 'Create another team',
    leaveThisTeam: 'Leave this team',
    createSubmit: 'Create the team',
    name: 'Name of the team',
    nameDescription: 'You will be its owner.',
  },
  members: {
    members: 'Members',
    name: 'Name',
    role: 'Role',
    joined: 'Joined',
    you: 'you',
    changed: (name: string, role: string) => `${name} is now ${role}`,
    notChanged: 'The role could not be changed',
    roleOf: (name: string) => `Role of ${name}`,
    actionsFor: (name: string) => `Actions for ${name}`,
    removeFromTeam: 'Remove from the team',
  },
  removeMemberDialog: {
    apiKey: 'API key',
    shareLink: 'Share link',
    previewToken: 'Preview token',
    invitation: 'Invitation',
    removedPartly: (name: string) => `Removed ${name}, but some of their credentials still work`,
    removed: (name: string) => `Removed ${name}`,
    title: (name: string) => `Remove ${name} from the team?`,
    submit: 'Remove member',
    about:
      'They lose access at once, also to open previews. Their API keys and programs stop working. Previews stay.',
    credentials: 'Credentials that they created and that still work',
    revokeAll: 'Revoke share links, preview tokens and invitations too',
    revokeAllAbout: 'Otherwise anyone who has them can keep using them.',
    credential: (kind: string, name: string, hostname: string | undefined) =>
      hostname === undefined ? `${kind} “${name}”` : `${kind} “${name}” of ${hostname}`,
    others: (amount: number, isComplete: boolean) =>
      isComplete
        ? count(amount, { one: 'other', other: 'others' })
        : `${formatNumber(amount)} or more others`,
  },
  team: {
    owner: 'Owner',
    ownerAbout: 'Can do everything, and make others owners.',
    admin: 'Admin',
    adminAbout: 'Like a member; also manages members and settings, and reads the audit log.',
    member: 'Member',
    memberAbout: 'Works with previews, intercepts, connections and API keys.',
  },
  teamPage: {
    title: 'Team',
  },
  teamSettings: {
    never: 'Never',
    afterHour: 'After an hour',
    after8Hours: 'After 8 hours',
    afterDay: 'After a day',
    afterWeek: 'After a week',
    after30Days: 'After 30 days',
    saved: 'Settings saved',
    notSaved: 'The settings could not be saved',
    settings: 'Settings',
    name: 'Name of the team',
    idleExpiry: 'Unused previews end',
    idleExpiryDescription: 'For previews without a setting of their own.',
    save: 'Save',
    after: (duration: string) => `After ${duration}`,
  },
  teamUse: {
    previews: 'Previews',
    sessionsTrafficManagers: 'Sessions of traffic managers',
    apiKeys: 'API keys',
    members: 'Members',
    invitations: 'Invitations',
    requests: 'Requests to previews, last minute',
    title: 'Use and limits',
    apiRequests: (limit: number) =>
      `The team can send ${count(limit, { one: 'API request', other: 'API requests' })} a minute.`,
    hasOf: (has: number, limit: number) => `${formatNumber(has)} of ${formatNumber(limit)}`,
  },
} as const;
