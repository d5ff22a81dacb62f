import { useSuspenseQuery } from '@tanstack/react-query';
import { answerOf, api, type Schemas } from './client.js';
import { chooseTeam, chosenTeam } from './chosen-team.js';
import { keyOf } from './keys.js';
import { ApiProblem } from './problem.js';

export type Me = Schemas['Me'];
export type Scope = Me['scopes'][number];
export type Role = NonNullable<Me['role']>;

async function fetchMe(): Promise<Me> {
  try {
    return await answerOf(api.GET('/api/v1/me'));
  } catch (error) {
    // Removed from the team that this browser remembers: the server chooses another.
    const isStale = error instanceof ApiProblem && error.code === 'not_a_member' && chosenTeam() !== null;
    if (!isStale) throw error;
    chooseTeam(null);
    return answerOf(api.GET('/api/v1/me'));
  }
}

/** Who is signed in, in which team, and what they may do there. There from the shell downwards. */
export function useMe(): Me {
  return useSuspenseQuery({ queryKey: keyOf('me'), queryFn: fetchMe, staleTime: 60_000 }).data;
}

/** Whether the person's role permits `scope` in the chosen team. */
export function useMay(scope: Scope): boolean {
  return useMe().scopes.includes(scope);
}

/** Why a role may not: what stands beside an action that is disabled. Undefined when it may. */
export function useReasonAgainst(scope: Scope): string | undefined {
  const { scopes, role } = useMe();
  return scopes.includes(scope) ? undefined : `Your role (${role ?? 'none'}) does not permit this`;
}
