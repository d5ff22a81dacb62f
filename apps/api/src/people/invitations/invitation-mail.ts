import type { Role } from '@culvert/domain';
import type { Mail } from '../mail/mailer.js';

/** Characters of a name that a mail quotes. */
const MAX_NAME_LENGTH = 60;

/** Words that mail programs turn into links, or that look like an address: `x://y`, `www.x`, `x.yz`, `a@b`, `a/b`. */
const LINK_LIKE = /:\/|[@/\\]|[^\s.。][.。][^\s.。]{2}/u;

/** What has a shape but no meaning to a reader: controls, line breaks, and marks that turn or hide text. */
const INVISIBLE = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;

export interface InvitationFacts {
  readonly to: string;
  readonly teamName: string;
  readonly role: Role;
  /** Who invites: a person, by themselves or by a key of theirs, or a key of the operator's. */
  readonly inviter: { readonly name: string; readonly email: string } | { readonly apiKey: string };
  readonly link: string;
}

/** The mail that asks somebody into a team. Names were chosen by strangers to its reader: they are quoted, and lead nowhere. */
export function invitationMail({ to, teamName, role, inviter, link }: InvitationFacts): Mail {
  const team = quotedName(teamName);
  return {
    to,
    subject: `Invitation to the team ${team} on Culvert`,
    before: `${inviterOf(inviter)} invites you to the team ${team} as ${role}. To join it, open within a week:`,
    link,
    after: 'If you do not know who that is, there is nothing to do: without this link nothing happens.',
  };
}

function inviterOf(inviter: InvitationFacts['inviter']): string {
  if ('apiKey' in inviter) return `The API key ${quotedName(inviter.apiKey)} of the team`;
  return inviter.name === '' ? inviter.email : `${quotedName(inviter.name)} (${inviter.email})`;
}

/** A name in quotation marks, on one line, cut to its first characters, with an ellipsis for every word that could be a link. */
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
