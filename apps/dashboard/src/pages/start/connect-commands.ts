import type { KeyPurposeName } from '../../api/key-purposes.js';

/** Commands that connect a traffic manager, with the address of this deployment and a key filled in. */

export interface Target {
  /** Scheme and host of the app, such as `https://culvert.example.com`. */
  readonly origin: string;
  /** Returns the key for commands with this purpose. */
  readonly keyOf: (purpose: KeyPurposeName) => string;
}

export interface Way {
  readonly id: string;
  readonly label: string;
  readonly about: string;
  /** Purpose of the key in its commands; null: they need none. */
  readonly keyFor: KeyPurposeName | null;
  /** Reason why it cannot work with this deployment, in words; null: none. */
  readonly obstacle: string | null;
  readonly steps: readonly { readonly name: string; readonly text: string; readonly code: string }[];
}

/** Placeholder until there is a key. */
export const NO_KEY = '<your API key>';
/** Example name of the image: only the owner of a cluster knows its registry. */
const NO_IMAGE = 'registry.example.com/culvert-traffic-manager';

export function waysToConnect(target: Target): readonly Way[] {
  return [machine(target), kubernetes(target), container(target), checkout(target), telepresence(target)];
}

function machine({ origin }: Target): Way {
  return {
    id: 'machine',
    label: 'This machine',
    about: 'Share a service on your machine, such as a development server. You need no other connection.',
    keyFor: null,
    obstacle: null,
    steps: [
      {
        name: 'the commands to install culvert',
        text: 'Once, in a checkout of Culvert:',
        code: `npm ci && npm run -s build
mkdir -p ~/.local/bin && ln -sf "$PWD/apps/cli/bin/culvert.mjs" ~/.local/bin/culvert`,
      },
      {
        name: 'the commands',
        text: 'Sign in, then share the service on port 3000. The command creates a preview and prints its URL:',
        code: `culvert login --url ${origin}
culvert expose 3000`,
      },
    ],
  };
}

/** Reports whether only this machine can reach the deployment at this address. */
function isLocal(origin: string): boolean {
  return /^(localhost|.*\.localhost|127\..*|\[::1\])$/.test(new URL(origin).hostname);
}

function kubernetes({ origin, keyOf }: Target): Way {
  return {
    id: 'kubernetes',
    label: 'Kubernetes',
    about:
      'The traffic manager in a cluster, installed with Helm. It only connects outward: it needs no port, ' +
      'no role and no inbound rule.',
    keyFor: 'manager',
    obstacle: isLocal(origin)
      ? `Clusters cannot reach ${origin}. Open the dashboard at an address that they can reach, and copy the commands there.`
      : null,
    steps: [
      {
        name: 'the image',
        text: 'In a checkout of Culvert, build the image, and push it to the registry of your cluster:',
        code: `docker build -f infra/docker/Dockerfile --target traffic-manager \\
  -t ${NO_IMAGE} .
docker push ${NO_IMAGE}`,
      },
      {
        name: 'the Helm command',
        text: 'Then, from the same checkout:',
        code: `helm install traffic-manager infra/helm/traffic-manager \\
  --namespace culvert --create-namespace \\
  --set culvertUrl=${origin} \\
  --set image=${NO_IMAGE} \\
  --set apiKey='${keyOf('manager')}' \\
  --set clusterSecret="$(openssl rand -hex 16)" \\
  --set name=my-cluster`,
      },
    ],
  };
}

function container({ origin, keyOf }: Target): Way {
  // In a network of its own, localhost is the container itself.
  const network = isLocal(origin) ? ' --network host' : '';
  return {
    id: 'container',
    label: 'Container',
    about: 'On any machine that reaches the services, such as one beside a development cluster.',
    keyFor: 'manager',
    obstacle: null,
    steps: [
      {
        name: 'the commands',
        text: 'In a checkout of Culvert:',
        code: `docker build -f infra/docker/Dockerfile --target traffic-manager -t culvert-traffic-manager .
docker run --rm${network} -e CULVERT_URL=${origin} -e CULVERT_API_KEY='${keyOf('manager')}' \\
  -e CULVERT_MANAGER_ID=my-cluster -e CULVERT_MANAGER_NAME=my-cluster culvert-traffic-manager`,
      },
    ],
  };
}

function checkout({ origin, keyOf }: Target): Way {
  return {
    id: 'checkout',
    label: 'Node',
    about: 'From a checkout of Culvert, without containers. It runs until you stop it.',
    keyFor: 'manager',
    obstacle: null,
    steps: [
      {
        name: 'the commands',
        text:
          'In a checkout of Culvert. By default, the traffic manager refuses services on loopback addresses of ' +
          'its own machine. To share such a service, begin the last command with a list of the only services ' +
          'to allow: CULVERT_ALLOW=127.0.0.1:3000.',
        code: `npm ci && npm run -s build
CULVERT_URL=${origin} CULVERT_API_KEY='${keyOf('manager')}' \\
  CULVERT_MANAGER_ID=my-cluster CULVERT_MANAGER_NAME=my-cluster npm run -s traffic-manager`,
      },
    ],
  };
}

function telepresence({ origin, keyOf }: Target): Way {
  const { hostname, port, protocol } = new URL(origin);
  const systemaPort = port === '' ? (protocol === 'https:' ? '443' : '80') : port;
  const domain = port === '' ? hostname : `${hostname}:${port}`;
  return {
    id: 'telepresence',
    label: 'Telepresence',
    about:
      'Your existing installation of Telepresence 2.4.1 to 2.14, unchanged. This server must have TLS. ' +
      "Later versions have no preview URLs: run Culvert's traffic manager beside them.",
    keyFor: 'telepresence',
    obstacle:
      protocol === 'http:'
        ? 'Telepresence connects over TLS only. Set TLS_CERT_FILE and TLS_KEY_FILE, and open the dashboard over https.'
        : null,
    steps: [
      {
        name: 'the Helm command',
        text: 'Point its traffic manager to this server:',
        code: `helm upgrade traffic-manager datawire/telepresence --namespace ambassador --reuse-values \\
  --set systemaHost=${hostname} --set systemaPort=${systemaPort}`,
      },
      {
        name: 'the commands',
        text: 'Then sign in with the client of each person who creates previews (2.3.7 or later):',
        code: `export TELEPRESENCE_LOGIN_DOMAIN=${domain} SCOUT_DISABLE=1
telepresence quit -u
telepresence login --apikey='${keyOf('telepresence')}'`,
      },
    ],
  };
}
