/**
 * `node infra/scripts/kubernetes-tools.mjs [NAME...]`: builds Helm, etcd, kubectl and kube-apiserver from their Go modules, and fetches
 * definitions of custom resources. Versions are in `infra/kubernetes-tools`, whose go.sum verifies all sources. Each program is
 * built once for its version and platform, in `~/.cache/culvert-kubernetes-tools` (`$XDG_CACHE_HOME`), which takes two
 * cores some five minutes. Without Go it says so, and exits with 0.
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const MODULE = fileURLToPath(new URL('../kubernetes-tools/', import.meta.url));
const CRD_MODULE = join(MODULE, 'crds');
const LOCK_POLL_MS = 500;

/** Packages of the programs, the quickest build first. */
const PACKAGES = {
  helm: 'helm.sh/helm/v4/cmd/helm',
  etcd: 'go.etcd.io/etcd/server/v3',
  kubectl: 'k8s.io/kubernetes/cmd/kubectl',
  'kube-apiserver': 'k8s.io/kubernetes/cmd/kube-apiserver',
};
export const TOOLS = Object.keys(PACKAGES);

/** Definitions that the tests install, by their module. */
const CRDS = {
  'github.com/cert-manager/cert-manager': ['deploy/crds/cert-manager.io_certificates.yaml'],
  'github.com/prometheus-operator/prometheus-operator': [
    'example/prometheus-operator-crd/monitoring.coreos.com_podmonitors.yaml',
    'example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml',
    'example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml',
  ],
  'sigs.k8s.io/gateway-api': [
    'config/crd/standard/gateway.networking.k8s.io_httproutes.yaml',
    'config/crd/standard/gateway.networking.k8s.io_tlsroutes.yaml',
  ],
};

/** What the linker puts into programs: Kubernetes' version, which charts may ask for; no symbols. */
function linkerFlags() {
  const [, version, major, minor] = /^\s*k8s\.io\/kubernetes (v(\d+)\.(\d+)\.\S+)/m.exec(goMod());
  const values = { gitVersion: version, gitMajor: major, gitMinor: minor, gitTreeState: 'clean' };
  const packages = ['k8s.io/component-base/version', 'k8s.io/client-go/pkg/version'];
  const set = packages.flatMap((path) =>
    Object.entries(values).map(([name, value]) => `-X ${path}.${name}=${value}`),
  );
  return ['-s -w', ...set].join(' ');
}

/** Variables of each call of Go: this tree's versions, the installed Go, no C compiler. */
const GO_ENV = {
  ...process.env,
  CGO_ENABLED: '0',
  GOFLAGS: '-mod=readonly -trimpath -buildvcs=false',
  GOTOOLCHAIN: 'local',
  GOWORK: 'off',
};

/** Returns the path of a Go that can build the programs, or null. */
export function findGo() {
  const [, major, minor] = /^go (\d+)\.(\d+)/m.exec(goMod());
  const isEnough = (command) => {
    const { stdout } = spawnSync(command, ['env', 'GOVERSION'], { encoding: 'utf8', env: GO_ENV });
    const version = /^go(\d+)\.(\d+)/.exec(stdout ?? '');
    if (version === null) return false;
    return Number(version[1]) === Number(major) && Number(version[2]) >= Number(minor);
  };
  return [process.env['GO'], 'go', '/usr/local/go/bin/go'].find((each) => each && isEnough(each)) ?? null;
}

/** Returns the path at which `tool` is, or will be once it has been built. */
export function pathOfTool(tool) {
  return join(cacheFolder(), tool);
}

/** Returns the path of `tool` if it has been built, or null. Builds nothing. */
export function findTool(tool) {
  return existsSync(pathOfTool(tool)) ? pathOfTool(tool) : null;
}

/** Builds `tool` unless another process has or does, and returns its path. Rejects if it cannot be built. */
export async function ensureTool(tool, go) {
  const path = pathOfTool(tool);
  await underLock(path, async () => {
    if (existsSync(path)) return;
    process.stderr.write(`kubernetes-tools: building ${tool} from ${PACKAGES[tool]}\n`);
    const partial = `${path}.${randomUUID()}`;
    try {
      await run(go, ['build', `-ldflags=${linkerFlags()}`, '-o', partial, PACKAGES[tool]], MODULE);
      renameSync(partial, path);
    } finally {
      rmSync(partial, { force: true });
    }
  });
  return path;
}

/** Returns the paths of the definitions of custom resources, fetched by Go and verified by go.sum. */
export function customResources(go) {
  const { status, stdout, stderr } = spawnSync(go, ['mod', 'download', '-json'], {
    cwd: CRD_MODULE,
    encoding: 'utf8',
    env: GO_ENV,
  });
  if (status !== 0) throw new Error(`go mod download: ${stderr}${stdout}`);
  const folders = new Map(
    stdout
      .split(/^(?=\{)/m)
      .filter((text) => text.trim() !== '')
      .map((text) => JSON.parse(text))
      .map(({ Path, Dir }) => [Path, Dir]),
  );
  return Object.entries(CRDS).flatMap(([module, files]) =>
    files.map((file) => join(folders.get(module), file)),
  );
}

function goMod() {
  return readFileSync(join(MODULE, 'go.mod'), 'utf8');
}

/** Returns the folder of programs of these versions for this platform. */
function cacheFolder() {
  const root = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'culvert-kubernetes-tools');
  const sums = readFileSync(join(MODULE, 'go.sum'), 'utf8');
  const hash = createHash('sha256')
    .update([goMod(), sums, linkerFlags()].join('\n'))
    .digest('hex')
    .slice(0, 12);
  return join(root, `${process.platform}-${process.arch}-${hash}`);
}

/** Runs `act` while no other process does the same for `path`. A lock of a process that has ended does not count. */
async function underLock(path, act) {
  mkdirSync(cacheFolder(), { recursive: true });
  const lock = `${path}.lock`;
  for (;;) {
    try {
      writeFileSync(lock, String(process.pid), { flag: 'wx' });
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
      if (isAbandoned(lock)) rmSync(lock, { force: true });
      else await delay(LOCK_POLL_MS);
    }
  }
  try {
    await act();
  } finally {
    rmSync(lock, { force: true });
  }
}

function isAbandoned(lock) {
  try {
    process.kill(Number(readFileSync(lock, 'utf8')) || process.pid, 0);
    return false;
  } catch (error) {
    return error.code === 'ESRCH';
  }
}

function run(command, args, cwd) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env: GO_ENV, stdio: ['ignore', 2, 2] });
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve();
      else reject(new Error(`${command} ${args.join(' ')} ended with status ${code}`));
    });
  });
}

async function main(names) {
  const unknown = names.filter((name) => !TOOLS.includes(name));
  if (unknown.length > 0) throw new Error(`${unknown.join(', ')}: not a tool (use ${TOOLS.join(', ')})`);
  const go = findGo();
  if (go === null) {
    process.stdout.write('kubernetes-tools: no Go 1.26 or later was found (set GO): nothing is built.\n');
    return;
  }
  for (const tool of names.length > 0 ? names : TOOLS)
    process.stdout.write(`${await ensureTool(tool, go)}\n`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await main(process.argv.slice(2)).catch((error) => {
    process.stderr.write(`kubernetes-tools: ${error.message}\n`);
    process.exitCode = 1;
  });
}
