import { queryOptions } from '@tanstack/react-query';
import { allPages } from '../../api/all-pages.js';
import { answerOf, api, type Schemas } from '../../api/client.js';
import { keyOf } from '../../api/keys.js';
import type { Role } from '../../api/me.js';
import type { Member } from '../../api/members.js';
import { texts } from './texts.js';

export { members, type Member } from '../../api/members.js';
export type Invitation = Schemas['Invitation'];
export type CreatedInvitation = Schemas['CreatedInvitation'];

/** Query for the working credentials that a person created in the team. */
export const memberCredentials = (userId: string) =>
  queryOptions({
    queryKey: keyOf('member', userId, 'credentials'),
    queryFn: () =>
      answerOf(api.GET('/api/v1/team/members/{userId}/credentials', { params: { path: { userId } } })),
    // Others create and revoke credentials in the meantime, for which there is no event about the member.
    staleTime: 0,
  });

export const invitations = () =>
  queryOptions({
    queryKey: keyOf('invitation', 'all'),
    queryFn: () =>
      allPages<Invitation>((query) => answerOf(api.GET('/api/v1/team/invitations', { params: { query } }))),
  });

export const ROLES: Readonly<Record<Role, { readonly label: string; readonly about: string }>> = {
  owner: { label: texts.team.owner, about: texts.team.ownerAbout },
  admin: {
    label: texts.team.admin,
    about: texts.team.adminAbout,
  },
  member: { label: texts.team.member, about: texts.team.memberAbout },
};

/** Returns the name of a member. */
export function nameOf({ name, email }: Pick<Member, 'name' | 'email'>): string {
  return name === '' ? email : name;
}

/** Returns the roles that a person with this role can assign, highest first. */
export function rolesGivenBy(role: Role | null): readonly Role[] {
  if (role === 'owner') return ['owner', 'admin', 'member'];
  return role === 'admin' ? ['admin', 'member'] : [];
}
