import type { Role } from '@culvert/domain';
import type { Mail } from '../mail/mailer.js';

/** Maximum number of characters of a name that a mail quotes. */
const MAX_NAME_LENGTH = 60;

/** Words that mail programs turn into links, or that look like an address: `x://y`, `www.x`, `x.yz`, `a@b`, `a/b`. */
const LINK_LIKE = /:\/|[@/\\]|[^\s.。][.。][^\s.。]{2}/u;

/** Characters that readers cannot see: controls, line breaks, and marks that reorder or hide text. */
const INVISIBLE = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;

export interface InvitationFacts {
  readonly to: string;
  readonly teamName: string;
  readonly role: Role;
  /** Inviter: a person, directly or with a key of theirs, or a key of the operator. */
  readonly inviter: { readonly name: string; readonly email: string } | { readonly apiKey: string };
  readonly link: string;
}

/**
 * Returns the mail that invites a person to a team. Its reader does not know who chose the names in it: they are
 * quoted, and cannot become links.
 */
export function invitationMail({ to, teamName, role, inviter, link }: InvitationFacts): Mail {
  const team = quotedName(teamName);
  return {
    to,
    subject: `Invitation to the team ${team} on Culvert`,
    before: `${inviterOf(inviter)} invites you to the team ${team} as ${role}. To join, open this link within a week:`,
    link,
    after: "If you don't know who that is, ignore this mail. Nothing happens unless you open the link.",
  };
}

function inviterOf(inviter: InvitationFacts['inviter']): string {
  if ('apiKey' in inviter) return `The API key ${quotedName(inviter.apiKey)} of the team`;
  return inviter.name === '' ? inviter.email : `${quotedName(inviter.name)} (${inviter.email})`;
}

/**
 * Returns a name in quotation marks, on one line, cut to a maximum length, with an ellipsis for every word that could
 * become a link.
 */
export function quotedName(name: string): string {
  const words = name
    .replace(/\s/gu, ' ')
    .replace(INVISIBLE, '')
    .replace(/["“”„«»]/gu, "'")
    .split(' ')
    .filter((word) => word !== '')
    .map((word) => (LINK_LIKE.test(word.normalize('NFKC')) ? '…' : word));
  const characters = Array.from(words.join(' '));
  const shown = characters.slice(0, MAX_NAME_LENGTH).join('');
  return `“${shown}${characters.length > MAX_NAME_LENGTH ? '…' : ''}”`;
}
