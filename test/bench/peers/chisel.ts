import { freePort } from '../../services/server.js';
import { local } from '../rig.js';
import { type Peer, startPart, untilReady } from './peer.js';

/** chisel in reverse: a TCP port per tunnel over SSH in a WebSocket, no HTTP in between. */
export const chisel: Peer = {
  name: 'chisel',
  programs: ['chisel'],
  start: async (scope, { paths: [program], servicePort }) => {
    const [control, entrance] = [await freePort(), await freePort()];
    const serverPid = startPart(scope, {
      command: program,
      args: () => ['server', '--host', '127.0.0.1', '--port', String(control), '--reverse'],
    });
    startPart(scope, {
      command: program,
      args: () => [
        'client',
        `http://127.0.0.1:${control}`,
        `R:127.0.0.1:${entrance}:127.0.0.1:${servicePort}`,
      ],
    });
    const running = { entrance: local(entrance), serverPid };
    await untilReady(running.entrance);
    return running;
  },
};
