import type { ReactNode } from 'react';

/** Texts of the profile. */
export const texts = {
  profilePage: {
    title: 'Profile',
    name: 'Name',
    address: 'Address',
    teams: 'Teams',
    none: 'none',
    teamAndRole: (team: string, role: string) => `${team} (${role})`,
    howYouSignIn: 'Sign-in methods',
    withPassword: 'With a password',
    withoutPassword: 'Without a password',
    setPassword: 'Set one',
    othersSignedOut: 'Signed out your other browsers',
    othersNotSignedOut: 'Your other browsers could not be signed out',
    signOutOthersTitle: 'Sign out all other browsers?',
    signOutOthersText: 'Takes effect at once, and also closes the private previews that are open in them.',
    signOutOthers: 'Sign out others',
    sessions: 'Signed-in browsers',
    signOutAllOthers: 'Sign out all others',
    showOlderSessions: 'Show older sessions',
    signedOut: (name: string) => `Signed out ${name}`,
    notSignedOut: 'The browser could not be signed out',
    thisBrowser: 'this browser',
    signOutHere: 'Sign out this browser',
    signOutOf: (name: string, address: string) => `Sign out ${name}, ${address}`,
    unknownAddress: 'unknown address',
    signOut: 'Sign out',
    passwordChanged: 'Password changed. Your other browsers are signed out.',
    password: 'Password',
    passwordAbout: 'Changing it signs out your other browsers.',
    currentPassword: 'Current password',
    newPassword: 'New password',
    newPasswordAbout: 'At least 8 characters.',
    changePassword: 'Change password',
    since: (ago: ReactNode) => <>since {ago}</>,
    session: (address: string, signedIn: ReactNode, seen: ReactNode) => (
      <>
        {address} · signed in {signedIn} · seen {seen}
      </>
    ),
  },
  programs: {
    title: 'Programs that act for you',
    about:
      'Programs in all your teams that you allowed to act for you, such as the culvert command and Telepresence.',
    none: 'None. A program appears here when you run culvert login or telepresence login.',
    revoked: (name: string) => `Revoked the access of ${name}`,
    notRevoked: 'The access could not be revoked',
    revokeTitle: (name: string) => `Revoke the access of ${name}?`,
    revokeText:
      'The program is signed out at once, and tunnels that it opened for traffic managers close. API keys ' +
      'that it created keep working: revoke them too if you no longer trust it.',
    revoke: 'Revoke access',
    revokeOf: (name: string, team: string) => `Revoke access of ${name} in ${team}`,
    use: (team: string, since: ReactNode, used: ReactNode) => (
      <>
        in {team} · since {since} · used {used}
      </>
    ),
  },
  userAgent: {
    unknownBrowser: 'Unknown browser',
    browserOnSystem: (browser: string, system: string) => `${browser} on ${system}`,
  },
} as const;
