import { type Session, SESSION_NOT_RESUMED, type Store } from '@culvert/domain';
import { GoAwayCode } from '@culvert/tunnel';

/** Why a tunnel ends. */
export interface TunnelRefusal {
  readonly code: GoAwayCode;
  readonly reason: string;
}

/**
 * Returns how to end the tunnels of a session that has ended in the store. If an edge ended it because its traffic manager
 * seemed to be away, the traffic manager must connect again at once. SESSION_ENDED would make it wait, and end `culvert
 * expose`.
 */
export async function findSessionEnd(
  { sessions }: Pick<Store, 'sessions'>,
  { teamId, id }: Pick<Session, 'teamId' | 'id'>,
): Promise<TunnelRefusal> {
  const session = await sessions.find(teamId, id);
  return session === null || session.endReason === SESSION_NOT_RESUMED
    ? { code: GoAwayCode.INTERNAL, reason: 'the session was not resumed in time: connect again' }
    : { code: GoAwayCode.SESSION_ENDED, reason: 'the session has ended' };
}
