import { useSuspenseQuery } from '@tanstack/react-query';
import { answerOf, api, type Schemas } from './client.js';
import { chooseTeam, chosenTeam } from './chosen-team.js';
import { keyOf } from './keys.js';
import { ApiProblem } from './problem.js';
import { texts } from './texts.js';

export type Me = Schemas['Me'];
export type Scope = Me['scopes'][number];
export type Role = NonNullable<Me['role']>;

async function fetchMe(): Promise<Me> {
  try {
    return await answerOf(api.GET('/api/v1/me'));
  } catch (error) {
    // The person was removed from the remembered team: the server chooses another.
    const isStale = error instanceof ApiProblem && error.code === 'not_a_member' && chosenTeam() !== null;
    if (!isStale) throw error;
    chooseTeam(null);
    return answerOf(api.GET('/api/v1/me'));
  }
}

/** Returns who is signed in, in which team, and with which scopes. Available below the shell. */
export function useMe(): Me {
  return useSuspenseQuery({ queryKey: keyOf('me'), queryFn: fetchMe, staleTime: 60_000 }).data;
}

/** Reports whether the person's role has `scope` in the chosen team. */
export function useMay(scope: Scope): boolean {
  return useMe().scopes.includes(scope);
}

/** Returns why the role does not permit an action, shown beside its disabled button. Undefined if it does. */
export function useReasonAgainst(scope: Scope): string | undefined {
  const { scopes, role } = useMe();
  return scopes.includes(scope) ? undefined : texts.me.notPermitted(role ?? texts.me.noRole);
}
