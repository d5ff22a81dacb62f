/** What the commands for the people of the team do. */
import type { Role } from '@culvert/terms';
import type { Api, Member } from '../api.js';
import type { CommandContext } from '../command-context.js';
import { findOne, isWholeId } from '../find/find-one.js';
import { shortIds, showTime } from '../output/readable.js';
import { previewName } from '../preview/find-preview.js';
import { eachInTurn } from '../output/each-in-turn.js';

export interface RemoveFlags {
  readonly revokeCredentials?: boolean;
}

export async function listMembers({ api, output }: CommandContext): Promise<void> {
  const { items } = await api.call('listMembers');
  const ids = shortIds(items.map(({ userId }) => userId));
  output.result(items, () =>
    output.table(
      ['EMAIL', 'NAME', 'ROLE', 'ID', 'JOINED'],
      items.map(({ email, name, role, joinedAt }, i) => [
        email,
        name,
        role,
        ids[i] ?? '',
        showTime(joinedAt),
      ]),
      'The team has no members.',
    ),
  );
}

export async function setRole({ api, output }: CommandContext, reference: string, role: Role): Promise<void> {
  const { userId } = await findMember(api, reference);
  const member = await api.call('updateMember', { userId, body: { role } });
  output.result(member, () => output.line(`${member.email} has the role ${member.role}.`));
}

export async function removeMembers(
  { api, output }: CommandContext,
  references: string[],
  { revokeCredentials: alsoCredentials }: RemoveFlags,
): Promise<void> {
  const removed: Member[] = [];
  // Finds all members first, so that a mistyped address removes no one.
  for (const reference of references) removed.push(await findMember(api, reference));
  await eachInTurn(
    removed,
    async ({ userId, email }) => {
      await api.call('removeMember', { userId });
      if (alsoCredentials !== true) return;
      // Only afterwards: a member could create further credentials in between.
      await api.call('endMemberCredentials', { userId }).catch((error: unknown) => {
        output.note(
          `Removed ${email}, but the credentials that they created keep working. ` +
            `Run "culvert members revoke-credentials ${userId}".`,
        );
        throw error;
      });
    },
    (done) =>
      output.result(done, () => {
        for (const { email, userId } of done) output.line(`Removed ${email} (${userId})`);
      }),
  );
  if (!output.isForPrograms && alsoCredentials !== true)
    output.note(
      'Share links, tokens and invitations that they created keep working. To revoke them, run ' +
        '"culvert members revoke-credentials" with the id.',
    );
}

export async function listCredentials({ api, output }: CommandContext, reference: string): Promise<void> {
  const userId = await findPerson(api, reference);
  const { items, isComplete } = await api.call('listMemberCredentials', { userId });
  output.result(items, () =>
    output.table(
      ['KIND', 'NAME', 'PREVIEW', 'ID', 'CREATED', 'EXPIRES'],
      items.map(({ kind, name, preview, id, createdAt, expiresAt }) => [
        kind,
        name,
        preview === null ? '' : previewName(preview.hostname),
        id,
        showTime(createdAt),
        showTime(expiresAt),
      ]),
      'This person has no working credentials in the team.',
    ),
  );
  if (!isComplete) output.note('Older ones are left out.');
}

export async function revokeCredentials({ api, output }: CommandContext, reference: string): Promise<void> {
  const userId = await findPerson(api, reference);
  const { items, isComplete } = await api.call('listMemberCredentials', { userId });
  const count = isComplete ? items.length : `more than ${items.length}`;
  await api.call('endMemberCredentials', { userId });
  output.result(items, () =>
    output.line(`Revoked all credentials that ${reference} created in the team: ${count}.`),
  );
}

export async function findMember(api: Api, reference: string): Promise<Member> {
  return findOne((await api.call('listMembers')).items, reference.toLowerCase(), {
    nouns: ['member', 'members'],
    idOf: ({ userId }) => userId,
    namesOf: ({ email }) => [email.toLowerCase()],
    hint: '"culvert members list" shows the members of the team.',
  });
}

/** Returns the id of a member, or of a former one, whom only an id can name. */
async function findPerson(api: Api, reference: string): Promise<string> {
  return isWholeId(reference) ? reference : (await findMember(api, reference)).userId;
}
