/** Races between two operations on a team: its invitations, members, programs and previews. */
import { createTestDatabase } from '@culvert/testkit';
import { atMost, NOTHING_LEFT } from './spec/race-invariants.js';
import {
  accept,
  closeIntercept,
  consent,
  demote,
  dropRemoved,
  endProgram,
  invitationDraft,
  invite,
  leave,
  openTunnel,
  ownerLeaves,
  ownerRemovedByPerson,
  preview,
  refresh,
  remove,
  removeAndEnd,
  removeIntercept,
  removeRestored,
  removeTrafficManager,
  renew,
  requestAgain,
  requestPreview,
  restore,
  revokeInvitation,
} from './spec/race-operations.js';
import { describeRaces, type Pair } from './spec/races.js';

/** Finds teams whose removed preview does not exist exactly once. */
const NOT_ONE_RESTORED = `
  SELECT r.team_id FROM remembered_hostname r WHERE r.team_id = ANY($1) AND (
    SELECT count(*) FROM preview p WHERE p.hostname = r.hostname) <> 1`;

const PAIRS: readonly Pair[] = [
  // Invitations, and the person who creates them
  {
    name: 'send the last invitation / send the last invitation',
    first: invite(2),
    second: invite(2),
    never: atMost('invitation', 2),
  },
  {
    name: 'invite / remove the inviter with what they left',
    first: invite(),
    second: removeAndEnd,
    never: NOTHING_LEFT,
  },
  {
    name: 'renew an invitation / remove the inviter with what they left',
    first: renew,
    second: removeAndEnd,
    never: NOTHING_LEFT,
  },
  { name: 'invite / demote the inviter', first: invite(), second: demote },
  // Invitations, and the people who accept them
  {
    name: 'accept / accept',
    first: accept(),
    second: accept(),
    never: atMost('membership', 3),
  },
  {
    name: 'accept / revoke the invitation',
    first: accept(),
    second: revokeInvitation,
    never: `
      SELECT team_id FROM invitation WHERE team_id = ANY($1)`,
  },
  {
    name: 'accept / renew the invitation',
    first: accept(),
    second: renew,
    never: `
      SELECT i.team_id FROM invitation i JOIN "user" u ON u.email = i.email
      JOIN membership m ON m.team_id = i.team_id AND m.user_id = u.id WHERE i.team_id = ANY($1)`,
  },
  { name: 'accept / remove another member', first: accept(3), second: remove },
  {
    name: 'accept / invite again',
    first: accept(),
    second: ({ store, teamId, guest, person: { by } }) =>
      store.invitations.create(teamId, invitationDraft(guest.email), { by, max: 50 }),
    never: `
      SELECT i.team_id FROM invitation i JOIN "user" u ON u.email = i.email
      JOIN membership m ON m.team_id = i.team_id AND m.user_id = u.id WHERE i.team_id = ANY($1)`,
  },
  // Owners
  { name: 'leave / leave, both owners', role: 'owner', first: leave, second: ownerLeaves },
  { name: 'remove / be removed, both owners', role: 'owner', first: remove, second: ownerRemovedByPerson },
  { name: 'demote / leave, both owners', role: 'owner', first: demote, second: ownerLeaves },
  // Programs
  { name: 'let a program act / remove its person', first: consent, second: remove },
  { name: 'refresh a program / remove its person', first: refresh, second: remove },
  { name: 'refresh a program / refresh it', first: refresh, second: refresh },
  { name: 'refresh a program / end it', first: refresh, second: endProgram },
  { name: 'open a tunnel by a program / remove its person', first: openTunnel, second: remove },
  // Previews
  {
    name: 'create the last preview / request the last preview',
    first: preview(2),
    second: requestPreview(2),
    never: atMost('preview', 2),
  },
  {
    name: 'restore the last preview / create the last preview',
    first: restore(2),
    second: preview(2),
    never: atMost('preview', 2),
  },
  // A preview that is restored, and concurrent operations of its manager and other people
  {
    name: 'restore a preview / restore it',
    first: restore(),
    second: restore(),
    never: NOT_ONE_RESTORED,
  },
  {
    name: 'restore a preview / request it again',
    first: restore(),
    second: requestAgain,
    never: NOT_ONE_RESTORED,
  },
  { name: 'restore a preview / remove it', first: restore(), second: removeRestored },
  { name: 'restore a preview / drop it', first: restore(), second: dropRemoved },
  { name: 'restore a preview / remove its intercept', first: restore(), second: removeIntercept },
  { name: 'restore a preview / close its intercept', first: restore(), second: closeIntercept },
  { name: 'restore a preview / remove its traffic manager', first: restore(), second: removeTrafficManager },
];

describeRaces('two operations on a team that meet', createTestDatabase, PAIRS);
