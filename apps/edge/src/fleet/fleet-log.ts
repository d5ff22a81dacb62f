/** Writes what happens in a fleet into the log: what happened, why, and what to do about it. */
import type { FleetEvent, FleetLog, LinkFailureCause } from '@culvert/fleet';
import { goAwayName } from '@culvert/tunnel';
import type { Logger } from 'pino';

type Failed = Extract<FleetEvent, { type: 'failed' }>;
type Refused = Extract<FleetEvent, { type: 'refused' }>;

/** The last sentence of a line about a failed link: what to do. */
const ADVICE: Readonly<Record<LinkFailureCause, string>> = {
  secrets_differ: 'the secrets differ. Give all edges of the deployment the same EDGE_LINK_SECRET',
  certificate:
    'one of the two edges does not accept the certificate of the other. Give all edges a valid certificate of the same EDGE_LINK_CA_FILE',
  not_an_edge:
    'no edge with a secret answers at its address. Check EDGE_LINK_ADDRESS of that edge, and that all edges use EDGE_LINK_SECRET or all use certificates',
  other_edge: 'another edge answers at its address. Check EDGE_LINK_ADDRESS of both',
  unreachable:
    'it cannot be reached. Check its EDGE_LINK_ADDRESS, and that edges reach each other at that port',
  timeout:
    'it does not answer in time. Check its EDGE_LINK_ADDRESS, and that edges reach each other at that port',
  refused: 'it ended the connection',
  lost: 'the connection broke',
};

/** Failures that end by themselves when an edge restarts. All others need an operator. */
const PASSING: ReadonlySet<LinkFailureCause> = new Set(['refused', 'lost']);

/** Returns the log of a fleet, which writes to `log`. */
export function fleetLog(log: Logger): FleetLog {
  return {
    fault: (error) => log.error({ err: error }, 'link fault'),
    event: (event) => {
      switch (event.type) {
        case 'open':
          log.info({ ...far(event.edge), remoteAddress: event.remoteAddress }, 'link open');
          return;
        case 'closed': {
          const { edge, remoteAddress, code, reason } = event;
          log.info({ ...far(edge), remoteAddress, code: goAwayName(code), reason }, 'link closed');
          return;
        }
        case 'failed':
          writeFailure(log, event);
          return;
        case 'refused':
          writeRefusal(log, event);
          return;
        case 'gone': {
          const { node, hasLeft, heldCount } = event;
          const detail = { ...far(node), address: node.address, trafficManagers: heldCount };
          if (hasLeft) log.info(detail, 'an edge has left');
          else
            log.warn(
              detail,
              `lost the edge ${node.name ?? node.id}, which held tunnels of ${heldCount} traffic managers: it was killed, hangs, or does not reach Redis`,
            );
          return;
        }
        default:
          throw new Error(`unknown event of the fleet: ${(event satisfies never as FleetEvent).type}`);
      }
    },
  };
}

function writeFailure(log: Logger, { edge, error, count }: Failed): void {
  const { failure, message } = error;
  const detail = { ...far(edge), address: edge.address, cause: failure, reason: message, count };
  const place = edge.address === '' ? '' : ` at ${edge.address}`;
  const text = `no link to the edge ${edge.name ?? edge.id}${place}: ${ADVICE[failure]}`;
  log[PASSING.has(failure) ? 'info' : 'warn'](detail, text);
}

function writeRefusal(log: Logger, { cause, remoteAddress, detail, count }: Refused): void {
  const fields = { cause, remoteAddress, reason: detail, count };
  if (cause === 'secrets_differ')
    log.warn(
      fields,
      `refused a link from ${remoteAddress}: the secrets differ. Give all edges of the deployment the same EDGE_LINK_SECRET`,
    );
  else if (cause === 'cannot_accept')
    log.warn(fields, 'the system could not accept a connection to the port of links');
  else log.info(fields, 'link refused');
}

function far({ id, name }: { readonly id: string; readonly name?: string }) {
  return { edgeId: id, ...(name !== undefined && { edge: name }) };
}
