/** When the relay asks its gate again, as routes and access change while requests are under way. */
import { once } from 'node:events';
import net from 'node:net';
import type { RequestHead } from '@culvert/http1';
import { afterEach, describe, expect, it } from 'vitest';
import { ALLOW, refuse, type Verdict } from '../routing/access-gate.js';
import type { Route } from '../routing/route.js';
import { startRig, type Rig } from '../spec/relay-rig.js';

let rig: Rig;
afterEach(async () => rig.stop());

/** A gate that answers when the test lets it. */
function pendingGate(): { routes: (Route | null)[]; answers: ((verdict: Verdict) => void)[] } {
  const routes: (Route | null)[] = [];
  const answers: ((verdict: Verdict) => void)[] = [];
  const check = (route: Route | null): Promise<Verdict> => {
    routes.push(route);
    return new Promise((resolve) => answers.push(resolve));
  };
  rig.gate.check = check;
  return { routes, answers };
}

describe('the relay', () => {
  // It asked again about a sign-in under way, which ran a second time: its one-time code was used up by then.
  it('asks the gate once about a request that it has yet to answer, whatever changes meanwhile', async () => {
    rig = await startRig((_request, response) => response.end('ok'));
    const { routes, answers } = pendingGate();
    const visit = rig.fetch('/');
    await expect.poll(() => routes.length).toBe(1);
    await rig.relay.handleAccessChange();
    await rig.relay.handleRouteChange('demo.preview.test');
    await rig.relay.handleGap();
    answers[0](refuse('access_denied'));
    expect((await visit).status).toBe(401);
    expect(routes).toHaveLength(1);
  });

  it('looks the route up again when it changed before the gate let a request in', async () => {
    rig = await startRig((_request, response) => response.end('ok'));
    const { routes, answers } = pendingGate();
    const visit = rig.fetch('/');
    await expect.poll(() => routes.length).toBe(1);
    rig.removeRoute();
    await rig.relay.handleRouteChange('demo.preview.test');
    answers[0](ALLOW);
    await expect.poll(() => routes).toEqual([rig.route, null]);
    answers[1](refuse('unknown_host'));
    expect((await visit).status).toBe(404);
  });

  it('asks the gate again, when access changes, about the exchanges that the change may concern', async () => {
    rig = await startRig((_request, response) => void response.write('x'));
    Object.assign(rig.route, { access: 'team' });
    const open = async (target: string): Promise<{ closed: Promise<unknown> }> => {
      const socket = net.connect(rig.port, '127.0.0.1').on('error', () => {});
      socket.write(`GET ${target} HTTP/1.1\r\nHost: demo.preview.test\r\n\r\n`);
      await once(socket, 'data');
      return { closed: new Promise((resolve) => socket.once('close', resolve)) };
    };
    const [concerned, other] = [await open('/a'), await open('/b')];
    const asked: string[] = [];
    const check = (_route: unknown, { target }: RequestHead): Verdict => {
      asked.push(target);
      return refuse('access_denied');
    };
    rig.gate.check = check;
    await rig.relay.handleAccessChange(({ target }) => target === '/a');
    await concerned.closed;
    expect(asked).toEqual(['/a']);
    await rig.relay.handleAccessChange();
    await other.closed;
    expect(asked).toEqual(['/a', '/b']);
  });
});
