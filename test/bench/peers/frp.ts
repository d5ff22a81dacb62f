import { freePort } from '../../services/server.js';
import { type Peer, startPart, untilReady } from './peer.js';

const HOST = 'service.frp.test';

/** frp, its HTTP proxy by hostname. */
export const frp: Peer = {
  name: 'frp',
  programs: ['frps', 'frpc'],
  start: async (scope, { paths: [server, client], servicePort }) => {
    const [control, entrance] = [await freePort(), await freePort()];
    const serverPid = startPart(scope, {
      command: server,
      files: {
        'frps.toml': [
          'bindAddr = "127.0.0.1"',
          `bindPort = ${control}`,
          'proxyBindAddr = "127.0.0.1"',
          `vhostHTTPPort = ${entrance}`,
          'log.level = "warn"',
          '',
        ].join('\n'),
      },
      args: (folder) => ['-c', `${folder}/frps.toml`],
    });
    startPart(scope, {
      command: client,
      files: {
        'frpc.toml': [
          'serverAddr = "127.0.0.1"',
          `serverPort = ${control}`,
          // The server may still be starting.
          'loginFailExit = false',
          // No TLS, like Culvert's tunnel in this comparison.
          'transport.tls.enable = false',
          'log.level = "warn"',
          '[[proxies]]',
          'name = "service"',
          'type = "http"',
          'localIP = "127.0.0.1"',
          `localPort = ${servicePort}`,
          `customDomains = ["${HOST}"]`,
          '',
        ].join('\n'),
      },
      args: (folder) => ['-c', `${folder}/frpc.toml`],
    });
    const running = { entrance: { port: entrance, host: HOST }, serverPid };
    await untilReady(running.entrance);
    return running;
  },
};
