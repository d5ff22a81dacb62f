import { describe, expect, it } from 'vitest';
import { invitationMail, quotedName } from './invitation-mail.js';

describe(quotedName.name, () => {
  it.each([
    ['Shop', '“Shop”'],
    ['  Shop   & Sons  ', '“Shop & Sons”'],
    ['Acme Inc.', '“Acme Inc.”'],
    ['Release 2.0', '“Release 2.0”'],
    ['Москва 東京', '“Москва 東京”'],
    ['say "hi"', "“say 'hi'”"],
    ['You won: https://evil.example/a?b', '“You won: …”'],
    ['Go to www.evil', '“Go to …”'],
    ['Go to evil.example now', '“Go to … now”'],
    ['Go to EVIL.EXAMPLE', '“Go to …”'],
    ['Go to evil．example', '“Go to …”'],
    ['Go to evil。example', '“Go to …”'],
    ['Go to ev\u200bil.exa\u00admple', '“Go to …”'],
    ['mail bob@evil', '“mail …”'],
    ['javascript:/x', '“…”'],
    ['a\r\nBcc: x', '“a Bcc: x”'],
    ['\u202egnp.exe', '“…”'],
    ['a\u202eb\u2066c', '“abc”'],
    ['', '“”'],
    ['x'.repeat(60), `“${'x'.repeat(60)}”`],
    ['x'.repeat(61), `“${'x'.repeat(60)}…”`],
  ])('of %j is %s', (name, quoted) => expect(quotedName(name)).toBe(quoted));
});

describe(invitationMail.name, () => {
  const facts = {
    to: 'jo@example.test',
    teamName: 'Shop',
    role: 'member',
    link: 'https://culvert.example.com/invitations?token=x',
  } as const;

  it.each([
    [
      { name: 'Ada', email: 'ada@shop.test' },
      '“Ada” (ada@shop.test) invites you to the team “Shop” as member.',
    ],
    [{ name: '', email: 'ada@shop.test' }, 'ada@shop.test invites you to the team “Shop” as member.'],
    [{ apiKey: 'ci' }, 'The API key “ci” of the team invites you to the team “Shop” as member.'],
  ])('names the inviter: %j', (inviter, sentence) => {
    expect(invitationMail({ ...facts, inviter }).before).toContain(sentence);
  });

  it('has a subject that quotes the name of the team', () => {
    const { subject } = invitationMail({ ...facts, inviter: { apiKey: 'ci' } });
    expect(subject).toBe('Invitation to the team “Shop” on Culvert');
  });
});
