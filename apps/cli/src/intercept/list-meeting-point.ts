import { thisMachine } from '@culvert/client';
import type { InterceptInfo, WorkloadInfo } from '@culvert/meeting-point';
import type { CommandContext } from '../command-context.js';
import { Ending } from '../ending.js';
import { createMeetingClient, meetingError, whenConnected } from './meeting-address.js';

export { findManagerUrl } from './meeting-address.js';

/**
 * Lists what a cluster's traffic manager knows: workloads that can be intercepted, and the intercepts of all clients.
 * @throws CliError
 */
export async function listMeetingPoint(
  context: CommandContext,
  url: string,
): Promise<{ readonly intercepts: readonly InterceptInfo[]; readonly workloads: readonly WorkloadInfo[] }> {
  const ending = new Ending(context.signal);
  const { id: machineId } = thisMachine(context.env);
  const client = createMeetingClient(context, { url, machineId, ending, onLost: () => undefined });
  try {
    await whenConnected(client, url, ending);
    return await client.list();
  } catch (error) {
    throw meetingError(error);
  } finally {
    client.close();
  }
}
