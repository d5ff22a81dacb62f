import type { KeyPurposeName } from '../../api/key-purposes.js';
import { texts } from './texts.js';

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
export const NO_KEY = texts.connectCommands.noKey;
/** Example name of the image: only the owner of a cluster knows its registry. */
const NO_IMAGE = 'registry.example.com/culvert-traffic-manager';

export function waysToConnect(target: Target): readonly Way[] {
  return [machine(target), kubernetes(target), container(target), checkout(target), telepresence(target)];
}

function machine({ origin }: Target): Way {
  return {
    id: 'machine',
    label: texts.connectCommands.thisMachine,
    about: texts.connectCommands.thisMachineAbout,
    keyFor: null,
    obstacle: null,
    steps: [
      {
        name: texts.connectCommands.installName,
        text: texts.connectCommands.installText,
        code: `npm ci && npm run -s build
mkdir -p ~/.local/bin && ln -sf "$PWD/apps/cli/bin/culvert.mjs" ~/.local/bin/culvert`,
      },
      {
        name: texts.connectCommands.commands,
        text: texts.connectCommands.exposeText,
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
    label: texts.connectCommands.kubernetes,
    about: texts.connectCommands.kubernetesAbout,
    keyFor: 'manager',
    obstacle: isLocal(origin) ? texts.connectCommands.kubernetesObstacle(origin) : null,
    steps: [
      {
        name: texts.connectCommands.imageName,
        text: texts.connectCommands.imageText,
        code: `docker build -f infra/docker/Dockerfile --target traffic-manager \\
  -t ${NO_IMAGE} .
docker push ${NO_IMAGE}`,
      },
      {
        name: texts.connectCommands.helmName,
        text: texts.connectCommands.helmText,
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
    label: texts.connectCommands.container,
    about: texts.connectCommands.containerAbout,
    keyFor: 'manager',
    obstacle: null,
    steps: [
      {
        name: texts.connectCommands.commands,
        text: texts.connectCommands.containerText,
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
    label: texts.connectCommands.node,
    about: texts.connectCommands.nodeAbout,
    keyFor: 'manager',
    obstacle: null,
    steps: [
      {
        name: texts.connectCommands.commands,
        text: texts.connectCommands.checkoutText,
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
    label: texts.connectCommands.telepresence,
    about: texts.connectCommands.telepresenceAbout,
    keyFor: 'telepresence',
    obstacle: protocol === 'http:' ? texts.connectCommands.telepresenceObstacle : null,
    steps: [
      {
        name: texts.connectCommands.helmName,
        text: texts.connectCommands.telepresenceHelmText,
        code: `helm upgrade traffic-manager datawire/telepresence --namespace ambassador --reuse-values \\
  --set systemaHost=${hostname} --set systemaPort=${systemaPort}`,
      },
      {
        name: texts.connectCommands.commands,
        text: texts.connectCommands.telepresenceText,
        code: `export TELEPRESENCE_LOGIN_DOMAIN=${domain} SCOUT_DISABLE=1
telepresence quit -u
telepresence login --apikey='${keyOf('telepresence')}'`,
      },
    ],
  };
}
