import type { IncomingHttpHeaders } from 'node:http';
import { clientAddress } from './client-address.js';

/** Values of a request by which its caller is identified. Services take these instead of the framework's request. */
export interface RequestFacts {
  readonly headers: IncomingHttpHeaders;
  /** Address of the client; null if it is unknown. */
  readonly address: string | null;
  /** Team in the header `Culvert-Team`, or else in the parameter `team`, which only streams accept. */
  readonly team: string | undefined;
}

/** Header with which people in several teams choose one. In streams, where browsers send no header, the query has it. */
const TEAM_HEADER = 'culvert-team';
const TEAM_PARAMETER = 'team';

/** Returns the facts of a request. */
export function factsOf(request: {
  readonly headers: IncomingHttpHeaders;
  readonly ip?: string | undefined;
  readonly query: Readonly<Record<string, unknown>>;
}): RequestFacts {
  const { headers, query } = request;
  const named = headers[TEAM_HEADER] ?? query[TEAM_PARAMETER];
  return { headers, address: clientAddress(request), team: typeof named === 'string' ? named : undefined };
}
