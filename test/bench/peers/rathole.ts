import { freePort } from '../../services/server.js';
import { type Peer, startPart, untilReady } from './peer.js';
import { local } from '../rig.js';

/** rathole: a TCP port per tunnel, no HTTP in between. */
export const rathole: Peer = {
  name: 'rathole',
  programs: ['rathole'],
  start: async (scope, { paths: [program], servicePort }) => {
    const [control, entrance] = [await freePort(), await freePort()];
    const serverPid = startPart(scope, {
      command: program,
      files: {
        'server.toml': [
          '[server]',
          `bind_addr = "127.0.0.1:${control}"`,
          'default_token = "bench"',
          '[server.services.service]',
          `bind_addr = "127.0.0.1:${entrance}"`,
          '',
        ].join('\n'),
      },
      args: (folder) => ['--server', `${folder}/server.toml`],
    });
    startPart(scope, {
      command: program,
      files: {
        'client.toml': [
          '[client]',
          `remote_addr = "127.0.0.1:${control}"`,
          'default_token = "bench"',
          '[client.services.service]',
          `local_addr = "127.0.0.1:${servicePort}"`,
          '',
        ].join('\n'),
      },
      args: (folder) => ['--client', `${folder}/client.toml`],
    });
    const running = { entrance: local(entrance), serverPid };
    await untilReady(running.entrance);
    return running;
  },
};
