/**
 * A pod of a chart as a process of this machine: on a host of its own, with its environment and volumes, a user of its own
 * without capabilities, and a read-only file system. Needs root and network namespaces.
 */
import { chmodSync, chownSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { ChartPod } from '../infra/chart-pods.js';
import { TemporaryFolder } from '../services/server.js';
import type { Host } from '../support/hosts.js';
import { type Program, ROOT, startCommand } from '../support/process.js';
import type { Cluster } from './cluster.js';
import { configData, envOf, secretData } from './pod-env.js';

/** A number that no user of the machine has, as OpenShift gives to pods. */
export const RANDOM_USER = 1_000_740_000;

export interface PodOptions {
  readonly cluster: Cluster;
  readonly namespace: string;
  readonly pod: ChartPod;
  readonly host: Host;
  /** Names that the pod resolves, in place of the cluster's DNS. */
  readonly names: Readonly<Record<string, string>>;
  /** Texts in its environment that have to be others here, such as addresses of servers on this machine. */
  readonly replaced: Readonly<Record<string, string>>;
}

/** Reports whether a user without rights can read the programs of this checkout. */
export function isReadableByAll(): boolean {
  for (let folder = join(ROOT, 'dist'); folder !== dirname(folder); folder = dirname(folder)) {
    if ((statSync(folder).mode & 0o001) === 0) return false;
  }
  return true;
}

/** Where a pod has the repository and its volumes. */
const PROGRAMS = '/run/programs';
const VOLUMES = '/run/volumes';

/** Starts the only container of a pod. */
export async function startPod(options: PodOptions): Promise<Program> {
  const { cluster, namespace, pod, host, names, replaced } = options;
  const [container] = pod.spec.containers;
  const folder = new TemporaryFolder('pod');
  chmodSync(folder.path, 0o755);
  const upper = join(folder.path, 'etc');
  for (const path of [upper, join(folder.path, 'work')]) mkdirSync(path);
  const hosts = Object.entries({ localhost: '127.0.0.1', ...names }).map(
    ([name, address]) => `${address} ${name}\n`,
  );
  writeFileSync(join(upper, 'hosts'), hosts.join(''), { mode: 0o644 });

  const mounts: string[] = [
    `mount -t overlay overlay -o lowerdir=/etc,upperdir=${upper},workdir=${folder.path}/work /etc`,
    // Where mount points may be created, as in an image of its own.
    'mount -t tmpfs -o mode=755 tmpfs /run',
    // Volumes may hide the places where these lie, such as /tmp.
    `mkdir ${PROGRAMS} ${VOLUMES}`,
    `mount --bind ${ROOT} ${PROGRAMS}`,
    `mount --bind ${folder.path} ${VOLUMES}`,
    `cd ${PROGRAMS}`,
  ];
  for (const { name, mountPath } of container.volumeMounts ?? []) {
    const source = join(folder.path, `volume-${name}`);
    await fillVolume(options, name, source);
    mounts.push(`mkdir -p ${mountPath}`, `mount --bind ${VOLUMES}/volume-${name} ${mountPath}`);
  }
  const env = await envOf(cluster, namespace, container, host.address('cluster'));
  for (const [name, value] of Object.entries(env))
    env[name] = Object.entries(replaced).reduce((text, [from, to]) => text.replaceAll(from, to), value);

  const user = `setpriv --reuid=${RANDOM_USER} --regid=${RANDOM_USER} --clear-groups --no-new-privs --bounding-set=-all`;
  const script = [...mounts, 'mount -o remount,bind,ro /', `exec ${user} "$@"`].join(' && ');
  const [, ...args] = container.command ?? ['node', 'dist/apps/traffic-manager/src/main.js'];
  return startCommand(
    [
      ...host.via,
      'unshare',
      '--mount',
      '--propagation=private',
      'sh',
      '-euc',
      script,
      'pod',
      process.execPath,
      ...args,
    ],
    {
      cwd: ROOT,
      env,
    },
  );
}

/** Writes the content of a volume of the pod. */
async function fillVolume(
  { cluster, namespace, pod }: PodOptions,
  name: string,
  folder: string,
): Promise<void> {
  mkdirSync(folder, { mode: 0o755 });
  const volume = pod.spec.volumes?.find((each) => each.name === name);
  if (volume?.emptyDir) {
    chownSync(folder, RANDOM_USER, RANDOM_USER);
    return;
  }
  const data = volume?.secret
    ? await secretData(cluster, namespace, volume.secret.secretName)
    : await configData(
        cluster,
        namespace,
        volume?.configMap?.name ?? name,
        volume?.configMap?.optional ?? false,
      );
  for (const [key, value] of Object.entries(data ?? {}))
    writeFileSync(join(folder, key), value, { mode: 0o644 });
}
