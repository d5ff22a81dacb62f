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

export function waysToConnect(target: Target): readonly Way[] {
  return [kubernetes(target), container(target), checkout(target), telepresence(target)];
}

function kubernetes({ origin, apiKey }: Target): Way {
  return {
    id: 'kubernetes',
    label: 'Kubernetes',
    about:
      'Our traffic manager, in any cluster. It dials out and needs no port, no role and no inbound rule.',
    steps: [
      {
        name: 'the manifest',
        text: 'Save it as culvert.yaml. The image is built of infra/docker/Dockerfile, target traffic-manager.',
        code: `apiVersion: v1
kind: Secret
metadata:
  name: culvert
stringData:
  api-key: ${apiKey}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: culvert-traffic-manager
spec:
  replicas: 1
  strategy: { type: Recreate }
  selector: { matchLabels: { app: culvert-traffic-manager } }
  template:
    metadata: { labels: { app: culvert-traffic-manager } }
    spec:
      containers:
        - name: traffic-manager
          image: culvert-traffic-manager
          env:
            - { name: CULVERT_URL, value: "${origin}" }
            - { name: CULVERT_MANAGER_ID, value: my-cluster }
            - name: CULVERT_API_KEY
              valueFrom: { secretKeyRef: { name: culvert, key: api-key } }
`,
      },
      { name: 'the command', text: 'Then:', code: 'kubectl apply -f culvert.yaml' },
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
