import type { KeyPurposeName } from '../../api/key-purposes.js';

/** What to type to connect a traffic manager, with the address of this deployment and a key filled in. */

export interface Target {
  /** Scheme and host of the app, such as `https://culvert.example.com`. */
  readonly origin: string;
  /** The key for commands that need one for this. */
  readonly keyOf: (purpose: KeyPurposeName) => string;
}

export interface Way {
  readonly id: string;
  readonly label: string;
  readonly about: string;
  /** What the key in its commands is for; null: they need none. */
  readonly keyFor: KeyPurposeName | null;
  /** What of the deployment keeps it from working, in words; null: nothing. */
  readonly obstacle: string | null;
  readonly steps: readonly { readonly name: string; readonly text: string; readonly code: string }[];
}

/** Stands in for a key until there is one. */
export const NO_KEY = '<your API key>';
/** For the image: nobody but its owner knows where a cluster gets its images. */
const NO_IMAGE = 'registry.example.com/culvert-traffic-manager';

export function waysToConnect(target: Target): readonly Way[] {
  return [machine(target), kubernetes(target), container(target), checkout(target), telepresence(target)];
}

function machine({ origin }: Target): Way {
  return {
    id: 'machine',
    label: 'This machine',
    about: 'Share what runs on your machine, such as a development server. Nothing else has to be connected.',
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
        text: 'Sign in, then share what listens on port 3000. It prints the URL, and makes the preview for it:',
        code: `culvert login --url ${origin}
culvert expose 3000`,
      },
    ],
  };
}

/** Whether only this machine reaches the deployment under this address. */
function isLocal(origin: string): boolean {
  return /^(localhost|.*\.localhost|127\..*|\[::1\])$/.test(new URL(origin).hostname);
}

function kubernetes({ origin, keyOf }: Target): Way {
  return {
    id: 'kubernetes',
    label: 'Kubernetes',
    about:
      'The traffic manager in a cluster, by its Helm chart. It dials out: it needs no port, no role and no inbound rule.',
    keyFor: 'manager',
    obstacle: isLocal(origin)
      ? `Clusters cannot reach ${origin}. Open the dashboard at an address that they can reach, and copy the commands there.`
      : null,
    steps: [
      {
        name: 'the image',
        text: 'In a checkout of Culvert, make the image, and push it to where your cluster gets images from:',
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
          'In a checkout of Culvert. The traffic manager refuses what listens on loopback addresses of its own machine. To share ' +
          'such a service, begin the last command with a list of what to allow, and nothing else is: CULVERT_ALLOW=127.0.0.1:3000.',
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
      'An installation of Telepresence 2.4.1 to 2.14 that you have, unchanged. It needs this deployment to have TLS. ' +
      'Later versions have no preview URLs: run the traffic manager of Culvert beside them.',
    keyFor: 'telepresence',
    obstacle:
      protocol === 'http:'
        ? 'Telepresence connects over TLS only. Set TLS_CERT_FILE and TLS_KEY_FILE, and open the dashboard over https.'
        : null,
    steps: [
      {
        name: 'the Helm command',
        text: 'Tell its traffic manager where its cloud is:',
        code: `helm upgrade traffic-manager datawire/telepresence --namespace ambassador --reuse-values \\
  --set systemaHost=${hostname} --set systemaPort=${systemaPort}`,
      },
      {
        name: 'the commands',
        text: 'Then sign in with the client of each person who makes previews (2.3.7 or later):',
        code: `export TELEPRESENCE_LOGIN_DOMAIN=${domain} SCOUT_DISABLE=1
telepresence quit -u
telepresence login --apikey='${keyOf('telepresence')}'`,
      },
    ],
  };
}
