import { type FleetEvent, LINK_FAILURE_CAUSES, LinkError, REFUSAL_CAUSES } from '@culvert/fleet';
import { GoAwayCode } from '@culvert/tunnel';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { fleetLog } from './fleet-log.js';

const EDGE = { id: 'e1', name: 'eu-2:8080', address: '10.0.0.2:9091', machineId: 'm' };
const WARN = 40;

/** Returns the line that an event becomes. */
function lineOf(event: FleetEvent): { readonly level: number; readonly msg: string } {
  const lines: string[] = [];
  fleetLog(pino({}, { write: (line: string) => void lines.push(line) })).event(event);
  expect(lines).toHaveLength(1);
  return JSON.parse(lines[0]) as { level: number; msg: string };
}

describe(fleetLog, () => {
  it('warns of secrets that differ, at both ends, and says which edge, which address and what to do', () => {
    // Fault: this was a line at the level info with the words of OpenSSL.
    const error = new LinkError('secrets_differ', 'ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE');
    const dialing = lineOf({ type: 'failed', edge: EDGE, error, count: 1 });
    expect(dialing).toMatchObject({ level: WARN, edge: 'eu-2:8080', edgeId: 'e1', address: '10.0.0.2:9091' });
    expect(dialing.msg).toBe(
      'no link to the edge eu-2:8080 at 10.0.0.2:9091: the secrets differ. Give all edges of the deployment the same EDGE_LINK_SECRET',
    );
    const accepting = lineOf({
      type: 'refused',
      cause: 'secrets_differ',
      remoteAddress: '10.0.0.3',
      detail: 'ERR_SSL_NO_SUITABLE_SIGNATURE_ALGORITHM',
      count: 3,
    });
    expect(accepting).toMatchObject({ level: WARN, remoteAddress: '10.0.0.3', count: 3 });
    expect(accepting.msg).toMatch(/^refused a link from 10\.0\.0\.3: the secrets differ\. Give all edges/);
  });

  it('warns of an edge that is lost, with its name and how many traffic managers it held', () => {
    const lost = lineOf({ type: 'gone', node: EDGE, hasLeft: false, heldCount: 4312 });
    expect(lost).toMatchObject({ level: WARN, edge: 'eu-2:8080', trafficManagers: 4312 });
    expect(lost.msg).toContain('lost the edge eu-2:8080, which held tunnels of 4312 traffic managers');
    expect(lineOf({ type: 'gone', node: EDGE, hasLeft: true, heldCount: 0 }).level).toBeLessThan(WARN);
  });

  it.each(LINK_FAILURE_CAUSES)(
    'describes the failure %s in words that name no part of OpenSSL',
    (failure) => {
      const error = new LinkError(failure, 'ERR_SSL_SOMETHING');
      const { msg } = lineOf({ type: 'failed', edge: EDGE, error, count: 1 });
      expect(msg).toMatch(/^no link to the edge eu-2:8080 at 10\.0\.0\.2:9091: [a-z]/);
      expect(msg).not.toContain('SSL');
    },
  );

  it.each(REFUSAL_CAUSES.filter((cause) => cause !== 'secrets_differ' && cause !== 'cannot_accept'))(
    'does not warn of a refusal that any visitor of the port can cause: %s',
    (cause) => {
      expect(
        lineOf({ type: 'refused', cause, remoteAddress: '1.2.3.4', detail: 'x', count: 1 }).level,
      ).toBeLessThan(WARN);
    },
  );

  it('names an edge of an older version by its id', () => {
    const { name: _, ...old } = EDGE;
    const closed = {
      type: 'closed',
      edge: old,
      remoteAddress: 'local',
      code: GoAwayCode.TIMEOUT,
      reason: '',
    } as const;
    expect(lineOf(closed)).toMatchObject({ edgeId: 'e1', code: 'TIMEOUT' });
    expect(lineOf({ type: 'gone', node: old, hasLeft: false, heldCount: 1 }).msg).toContain(
      'lost the edge e1,',
    );
  });
});
