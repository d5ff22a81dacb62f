/** A chart rendered by Helm against a cluster: a small server that knows a few objects of the Kubernetes API. */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import { type Manifest, readManifests } from './helm.js';

/** Kinds that the chart looks up, by the last part of their path. */
const KINDS: Readonly<Record<string, string>> = { configmaps: 'ConfigMap', services: 'Service' };

/**
 * Renders the chart as `helm install` does, or as `helm upgrade` with the argument `--is-upgrade`.
 * @param objects what exists in the cluster, each as `<namespace>/<plural kind>/<name>`
 */
export async function renderInCluster(
  helm: string,
  chart: string,
  namespace: string,
  { objects, args = [] }: { readonly objects: readonly string[]; readonly args?: readonly string[] },
): Promise<Manifest[]> {
  const server = createServer(({ url = '' }, response) => {
    const answer = answerTo(url.split('?')[0] ?? '', objects);
    response.writeHead(answer === null ? 404 : 200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(answer ?? NOT_FOUND));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const apiServer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  try {
    const where = ['--dry-run=server', '--kube-apiserver', apiServer, '--kube-token', 'token'];
    const command = ['template', 'release', chart, '-n', namespace, ...where, ...args];
    const { stdout } = await promisify(execFile)(helm, command);
    return readManifests(stdout);
  } finally {
    server.close();
    server.closeAllConnections();
  }
}

const NOT_FOUND = { kind: 'Status', apiVersion: 'v1', status: 'Failure', reason: 'NotFound', code: 404 };

function answerTo(path: string, objects: readonly string[]): object | null {
  if (path === '/api/v1') {
    const resources = Object.entries(KINDS).map(([name, kind]) => ({
      name,
      kind,
      singularName: '',
      namespaced: true,
      verbs: ['get'],
    }));
    return { kind: 'APIResourceList', apiVersion: 'v1', groupVersion: 'v1', resources };
  }
  const found = objects.find((object) => path === `/api/v1/namespaces/${object}`);
  if (found === undefined) return null;
  const [namespace, kinds = '', name] = found.split('/');
  return { apiVersion: 'v1', kind: KINDS[kinds], metadata: { name, namespace } };
}
