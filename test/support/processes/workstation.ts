/**
 * `workstation.js MANAGER_URL ID NAME HEADER=VALUE TEXT`: intercepts `orders` in `shop` for an application of its own that
 * answers TEXT. Prints each state as `intercept {…}`; if it is refused, `refused CODE`. Leaves at SIGTERM.
 */
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { type InterceptInfo, MeetingError } from '@culvert/meeting-point';
import { draftOf, startClient } from '../cluster.js';

const [managerUrl = '', id = '', name = '', header = '', text = ''] = process.argv.slice(2);
const [headerName = '', value = ''] = header.split('=');

const application = http.createServer((_request, response) => response.end(text)).listen(0, '127.0.0.1');
await once(application, 'listening');
const { port } = application.address() as AddressInfo;

const show = (intercept: InterceptInfo): void =>
  void process.stdout.write(`intercept ${JSON.stringify(intercept)}\n`);
const client = startClient(managerUrl, id, { onIntercept: show });
try {
  const draft = draftOf([{ name: headerName, value }], { name, targetPort: port });
  const intercept = await client.create(draft, { host: '127.0.0.1', port });
  show(intercept);
  await once(process, 'SIGTERM');
  await client.remove(intercept.id);
} catch (error) {
  if (!(error instanceof MeetingError)) throw error;
  process.stdout.write(`refused ${error.code}\n`);
}
await client.stop(1000);
application.closeAllConnections();
application.close();
