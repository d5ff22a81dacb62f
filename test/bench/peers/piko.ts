import { freePort } from '../../services/server.js';
import { type Peer, startPart, untilReady } from './peer.js';

/** piko, one node; an endpoint is the first label of the host. */
export const piko: Peer = {
  name: 'piko',
  programs: ['piko'],
  start: async (scope, { paths: [program], servicePort }) => {
    const [proxy, upstream, admin, gossip, agent] = await Promise.all(Array.from({ length: 5 }, freePort));
    const serverPid = startPart(scope, {
      command: program,
      args: () => [
        'server',
        `--proxy.bind-addr=127.0.0.1:${proxy}`,
        `--upstream.bind-addr=127.0.0.1:${upstream}`,
        `--admin.bind-addr=127.0.0.1:${admin}`,
        `--gossip.bind-addr=127.0.0.1:${gossip}`,
        '--proxy.access-log.disable',
        '--usage.disable',
        '--log.level=error',
      ],
    });
    startPart(scope, {
      command: program,
      args: () => [
        'agent',
        'http',
        'service',
        `127.0.0.1:${servicePort}`,
        `--connect.url=http://127.0.0.1:${upstream}`,
        `--server.bind-addr=127.0.0.1:${agent}`,
        '--log.level=error',
      ],
    });
    const running = { entrance: { port: proxy, host: 'service.piko.test' }, serverPid };
    await untilReady(running.entrance);
    return running;
  },
};
