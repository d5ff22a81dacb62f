/** The in-cluster programs as users run them: traffic manager and traffic agent, and a client in this process. */
import { MeetingClient, type InterceptDraft, type MeetingClientOptions } from '@culvert/meeting-point';
import { type Program, startProgram } from './process.js';

export const CLUSTER_SECRET = 'the-secret-of-this-cluster';

/** Port 9 is discard: nothing listens there. */
export const OUT_OF_REACH = 'http://127.0.0.1:9';

export interface ClusterManager {
  readonly program: Program;
  /** URL of its meeting point. */
  readonly url: string;
}

/** @param env settings that override the defaults; `CULVERT_URL` makes it report */
export async function startClusterManager(
  env: Record<string, string> = {},
  nodeArgs: readonly string[] = [],
  via: readonly string[] = [],
): Promise<ClusterManager> {
  const program = startProgram(
    'apps/traffic-manager/src/main.js',
    {
      CULVERT_URL: OUT_OF_REACH,
      CULVERT_API_KEY: 'cvt_none',
      CULVERT_MANAGER_ID: 'test-manager',
      CULVERT_CLUSTER_PORT: '0',
      CULVERT_CLUSTER_SECRET: CLUSTER_SECRET,
      CULVERT_DRAIN_MS: '2000',
      LOG_LEVEL: 'info',
      ...env,
    },
    [],
    nodeArgs,
    via,
  );
  const [, port] = await program.logged(/"port":(\d+),"msg":"meeting point listens"/);
  return { program, url: `http://127.0.0.1:${port}` };
}

export interface AgentSettings {
  readonly managerUrl: string;
  readonly applicationPort: number;
  readonly workload?: string;
  readonly namespace?: string;
  /** Port that it listens on. Default: a free one. */
  readonly port?: number;
  readonly pod?: string;
  readonly env?: Record<string, string>;
  readonly nodeArgs?: readonly string[];
  /** See `startProgram`. */
  readonly via?: readonly string[];
}

export interface RunningAgent {
  readonly program: Program;
  readonly port: number;
  /** Resolves once it looks for this many intercepts. */
  looksFor(count: number): Promise<void>;
}

export async function startAgent(settings: AgentSettings): Promise<RunningAgent> {
  const { managerUrl, applicationPort, workload = 'orders', namespace = 'shop', port = 0 } = settings;
  const program = startProgram(
    'apps/traffic-agent/src/main.js',
    {
      CULVERT_AGENT_PORTS: `${port}:${applicationPort}:http`,
      CULVERT_WORKLOAD_NAME: workload,
      CULVERT_WORKLOAD_NAMESPACE: namespace,
      CULVERT_MANAGER_URL: managerUrl,
      CULVERT_CLUSTER_SECRET: CLUSTER_SECRET,
      CULVERT_DRAIN_MS: '2000',
      POD_NAME: settings.pod ?? `${workload}-1`,
      LOG_LEVEL: 'info',
      ...settings.env,
    },
    [],
    settings.nodeArgs,
    settings.via,
  );
  const [, found] = await program.logged(/"ports":\[(\d+)\],"msg":"listening"/);
  return {
    program,
    port: Number(found),
    looksFor: async (count) => {
      const ids = count === 0 ? '' : Array(count).fill('"[^"]+"').join(',');
      await program.logged(new RegExp(`"intercepts":\\[${ids}\\],"errors":\\[\\],"msg":"looking`));
    },
  };
}

export interface DaemonSettings {
  readonly managerUrl: string;
  readonly apiKey: string;
  /** Port of the image beside it. */
  readonly port: number;
  /** Ingress of its preview. */
  readonly ingress: { readonly host: string; readonly port: number };
  readonly args?: readonly string[];
  readonly env?: Record<string, string>;
  readonly nodeArgs?: readonly string[];
  /** See `startProgram`. */
  readonly via?: readonly string[];
}

/** A pod daemon beside an image that gets requests for `orders` in `shop` with the header `test-telepresence: 1`. */
export function startPodDaemon({ managerUrl, apiKey, port, ingress, ...rest }: DaemonSettings): Program {
  return startProgram(
    'apps/traffic-manager/src/main.js',
    {
      AMBASSADOR_CLOUD_APIKEY: apiKey,
      CULVERT_MANAGER_URL: managerUrl,
      IS_POD_DAEMON: 'True',
      POD_NAMESPACE: 'shop',
      LOG_LEVEL: 'info',
      ...rest.env,
    },
    [
      'pod-daemon',
      '--workload-name=orders',
      '--workload-namespace=shop',
      `--port=${port}`,
      '--http-header=test-telepresence=1',
      '--ingress-tls=false',
      `--ingress-port=${ingress.port}`,
      `--ingress-host=${ingress.host}`,
      ...(rest.args ?? []),
    ],
    rest.nodeArgs,
    rest.via,
  );
}

/** Matches the line with the URL that a pod daemon prints. */
export const PREVIEW_LINE = /^Created preview URL: "(http[^"]+)"$/m;

/** A workstation. */
export function startClient(
  managerUrl: string,
  id: string,
  options: Partial<MeetingClientOptions> = {},
): MeetingClient {
  return new MeetingClient({
    url: new URL(managerUrl),
    credential: () => Promise.resolve(CLUSTER_SECRET),
    id,
    name: `${id}@laptop`,
    version: '1',
    ...options,
  });
}

/** Returns an intercept of `orders` in `shop`. */
export function draftOf(
  headers: InterceptDraft['headers'],
  changes: Partial<InterceptDraft> = {},
): InterceptDraft {
  return {
    name: 'orders',
    workload: 'orders',
    namespace: 'shop',
    kind: 'Deployment',
    port: '',
    headers,
    targetHost: '127.0.0.1',
    targetPort: 0,
    ...changes,
  };
}
