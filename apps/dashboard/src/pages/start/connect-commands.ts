/** What to type to connect a traffic manager, with the address of this deployment and a key filled in. */

export interface Target {
  /** Scheme and host of the app, such as `https://culvert.example.com`. */
  readonly origin: string;
  readonly apiKey: string;
}

export interface Way {
  readonly id: string;
  readonly label: string;
  readonly about: string;
  readonly steps: readonly { readonly name: string; readonly text: string; readonly code: string }[];
}

/** Stands in for a key until there is one. */
export const NO_KEY = '<your API key>';
/** For the image: nobody but its owner knows where a cluster gets its images. */
const NO_IMAGE = 'registry.example.com/culvert-traffic-manager';

export function waysToConnect(target: Target): readonly Way[] {
  return [kubernetes(target), container(target), checkout(target), telepresence(target)];
}

function kubernetes({ origin, apiKey }: Target): Way {
  return {
    id: 'kubernetes',
    label: 'Kubernetes',
    about:
      'Our traffic manager, in any cluster, by its Helm chart. It dials out and needs no port, no role and no inbound rule.',
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
  --set apiKey='${apiKey}' \\
  --set clusterSecret="$(openssl rand -hex 16)" \\
  --set name=my-cluster`,
      },
    ],
  };
}

function container({ origin, apiKey }: Target): Way {
  return {
    id: 'container',
    label: 'Container',
    about: 'On any machine that reaches the services: beside a development cluster, say.',
    steps: [
      {
        name: 'the commands',
        text: 'In a checkout of Culvert:',
        code: `docker build -f infra/docker/Dockerfile --target traffic-manager -t culvert-traffic-manager .
docker run --rm -e CULVERT_URL=${origin} -e CULVERT_API_KEY='${apiKey}' \\
  -e CULVERT_MANAGER_ID=my-cluster culvert-traffic-manager`,
      },
    ],
  };
}

function checkout({ origin, apiKey }: Target): Way {
  return {
    id: 'checkout',
    label: 'Node',
    about: 'From a checkout of Culvert, without containers. It runs until you stop it.',
    steps: [
      {
        name: 'the commands',
        text: 'In a checkout of Culvert:',
        code: `npm ci && npm run -s build
CULVERT_URL=${origin} CULVERT_API_KEY='${apiKey}' CULVERT_MANAGER_ID=my-cluster \\
  npm run -s traffic-manager`,
      },
    ],
  };
}

function telepresence({ origin, apiKey }: Target): Way {
  const { hostname, port, protocol } = new URL(origin);
  const systemaPort = port === '' ? (protocol === 'https:' ? '443' : '80') : port;
  const domain = port === '' ? hostname : `${hostname}:${port}`;
  return {
    id: 'telepresence',
    label: 'Telepresence',
    about:
      'An installation of Telepresence 2.4.1 to 2.14 that you have, unchanged. It needs this deployment to have TLS. ' +
      'Later versions have no preview URLs: use our traffic manager beside them.',
    steps: [
      {
        name: 'the Helm command',
        text: 'Tell its traffic manager where its cloud is:',
        code: `helm upgrade traffic-manager datawire/telepresence --namespace ambassador --reuse-values \\
  --set systemaHost=${hostname} --set systemaPort=${systemaPort}`,
      },
      {
        name: 'the commands',
        text: 'And the client of whoever makes previews (2.3.7 and later; the key needs the scope keys:write too):',
        code: `export TELEPRESENCE_LOGIN_DOMAIN=${domain} SCOUT_DISABLE=1
telepresence quit -u
telepresence login --apikey='${apiKey}'`,
      },
    ],
  };
}
