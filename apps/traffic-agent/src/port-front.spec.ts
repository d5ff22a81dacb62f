import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import { pino } from 'pino';
import { expect, it } from 'vitest';
import { readCommand } from './command.js';
import { startTrafficAgent } from './traffic-agent.js';

it('a traffic agent whose port is taken names the setting and the port', async () => {
  const taken = net.createServer().listen(0);
  await once(taken, 'listening');
  const { port } = taken.address() as AddressInfo;
  const { options } = readCommand([], {
    CULVERT_AGENT_PORTS: `${port}:8080:http`,
    CULVERT_WORKLOAD_NAME: 'orders',
    CULVERT_MANAGER_URL: 'http://127.0.0.1:1',
    CULVERT_CLUSTER_SECRET: 'secret-of-the-cluster-0123456789',
    POD_NAME: 'orders-1',
    POD_NAMESPACE: 'shop',
  });
  await expect(startTrafficAgent(options, pino({ level: 'silent' }))).rejects.toThrow(
    `CULVERT_AGENT_PORTS: ${port} is in use by another program of this pod`,
  );
  taken.close();
});
