/** What the commands for invitations do. */
import type { Role } from '@culvert/terms';
import type { Api, CreatedInvitation, Invitation } from '../api.js';
import type { CommandContext } from '../command-context.js';
import { findOne } from '../find/find-one.js';
import { shortIds, showTime } from '../output/readable.js';
import { eachInTurn } from '../output/each-in-turn.js';

export interface InviteFlags {
  readonly role: Role;
}

export async function invite(
  { api, output }: CommandContext,
  email: string,
  { role }: InviteFlags,
): Promise<void> {
  printLink({ output }, await api.call('createInvitation', { body: { email, role } }));
}

export async function renew({ api, output }: CommandContext, reference: string): Promise<void> {
  const { id } = await findInvitation(api, reference);
  printLink({ output }, await api.call('renewInvitation', { invitationId: id }));
}

export async function listInvitations({ api, output }: CommandContext): Promise<void> {
  const items = await api.list('listInvitations');
  const ids = shortIds(items.map(({ id }) => id));
  output.result(items, () =>
    output.table(
      ['EMAIL', 'ROLE', 'ID', 'CREATED', 'EXPIRES'],
      items.map(({ email, role, createdAt, expiresAt }, i) => [
        email,
        role,
        ids[i] ?? '',
        showTime(createdAt),
        showTime(expiresAt),
      ]),
      'There are no open invitations.',
    ),
  );
}

export async function revoke({ api, output }: CommandContext, references: string[]): Promise<void> {
  const found: Invitation[] = [];
  // Finds all invitations first, so that a mistyped address revokes nothing.
  for (const reference of references) found.push(await findInvitation(api, reference));
  await eachInTurn(
    found,
    ({ id }) => api.call('revokeInvitation', { invitationId: id }),
    (done) =>
      output.result(done, () => {
        for (const { email } of done) output.line(`Revoked the invitation of ${email}`);
      }),
  );
}

/** Prints only the link on stdout, so that scripts can pass it on. */
function printLink({ output }: Pick<CommandContext, 'output'>, created: CreatedInvitation): void {
  output.result(created, () => output.line(created.link));
  if (output.isForPrograms) return;
  const until = showTime(created.expiresAt);
  output.note(
    created.isMailed
      ? `Culvert mails this link to ${created.email}. It works until ${until} and is not shown again.`
      : `Pass this link on to ${created.email}. It works until ${until} and is not shown again.`,
  );
}

async function findInvitation(api: Api, reference: string): Promise<Invitation> {
  return findOne(await api.list('listInvitations'), reference.toLowerCase(), {
    nouns: ['open invitation', 'open invitations'],
    idOf: ({ id }) => id,
    namesOf: ({ email }) => [email.toLowerCase()],
    hint: '"culvert invitations list" shows them with their ids.',
  });
}
