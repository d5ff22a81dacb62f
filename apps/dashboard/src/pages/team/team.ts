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

export type WorkloadIdentity = Schemas['WorkloadIdentity'];
export type Platform = WorkloadIdentity['platform'];

export const workloadIdentities = () =>
  queryOptions({
    queryKey: keyOf('workload-identity', 'all'),
    queryFn: () =>
      allPages<WorkloadIdentity>((query) =>
        answerOf(api.GET('/api/v1/workload-identities', { params: { query } })),
      ),
  });

export const PLATFORMS: Readonly<Record<Platform, string>> = texts.team.platforms;

/** What people usually restrict; '' restricts nothing. */
export interface UsualConditions {
  /** Repository, project or subject. */
  readonly owner: string;
  readonly branch: string;
  readonly environment: string;
  readonly event: string;
}

/**
 * Returns the conditions of a new workload identity, as `usualConditions` of libs/contract does for the command line: its
 * schemas are too large for a browser.
 */
export function conditionsOf(
  platform: Platform,
  { owner, branch, environment, event }: UsualConditions,
): WorkloadIdentity['conditions'] {
  const claims =
    platform === 'other'
      ? { sub: owner }
      : platform === 'github'
        ? { repository: owner, ref: branch && `refs/heads/${branch}`, environment, event_name: event }
        : {
            project_path: owner,
            ref: branch,
            ref_type: branch && 'branch',
            environment,
            pipeline_source: event,
          };
  return Object.entries(claims).flatMap(([claim, value]) =>
    value === '' ? [] : [{ claim, values: [value] }],
  );
}

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
