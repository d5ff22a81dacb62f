/** Texts of the start page. */
export const texts = {
  connectCommands: {
    noKey: '<your API key>',
    thisMachine: 'This machine',
    thisMachineAbout:
      'Share a service on your machine, such as a development server. You need no other connection.',
    installName: 'the commands to install culvert',
    installText: 'Once, in a checkout of Culvert:',
    commands: 'the commands',
    exposeText:
      'Sign in, then share the service on port 3000. The command creates a preview and prints its URL:',
    kubernetes: 'Kubernetes',
    kubernetesAbout:
      'The traffic manager in a cluster, installed with Helm. It only connects outward: it needs no port, ' +
      'no role and no inbound rule.',
    kubernetesObstacle: (origin: string) =>
      `Clusters cannot reach ${origin}. Open the dashboard at an address that they can reach, and copy the commands there.`,
    imageName: 'the image',
    imageText: 'In a checkout of Culvert, build the image, and push it to the registry of your cluster:',
    helmName: 'the Helm command',
    helmText: 'Then, from the same checkout:',
    container: 'Container',
    containerAbout: 'On any machine that reaches the services, such as one beside a development cluster.',
    containerText: 'In a checkout of Culvert:',
    node: 'Node',
    nodeAbout: 'From a checkout of Culvert, without containers. It runs until you stop it.',
    checkoutText:
      'In a checkout of Culvert. By default, the traffic manager refuses services on loopback addresses of ' +
      'its own machine. To share such a service, begin the last command with a list of the only services ' +
      'to allow: CULVERT_ALLOW=127.0.0.1:3000.',
    telepresence: 'Telepresence',
    telepresenceAbout:
      'Your existing installation of Telepresence 2.4.1 to 2.14, unchanged. This server must have TLS. ' +
      "Later versions have no preview URLs: run Culvert's traffic manager beside them.",
    telepresenceObstacle:
      'Telepresence connects over TLS only. Set TLS_CERT_FILE and TLS_KEY_FILE, and open the dashboard over https.',
    telepresenceHelmText: 'Point its traffic manager to this server:',
    telepresenceText: 'Then sign in with the client of each person who creates previews (2.3.7 or later):',
  },
  startPage: {
    title: 'Start',
    description: 'Three steps to a public URL for a private service.',
    completedSteps: 'Completed steps',
    allDone: 'All done',
    stepsDone: (count: number, length: number) => `${count} of ${length} done`,
    openPreview: 'Open the preview',
    notOpened: 'This page notices the first request to a preview within about a minute.',
    opened: (name: string) => `${name} has been opened.`,
    seeRequestArrive: 'See the request arrive',
    connectService: 'Connect a service',
    obstacle: 'Not possible from here',
    notCreated: 'The key could not be created',
    createKey: 'Create a key',
    existingKey: 'Or paste an existing key',
    existingKeyAbout: 'The key stays in this page.',
    existingKeyPlaceholder: 'cvt_…',
    connectedNow: (managers: string) => `Connected now: ${managers}.`,
    notConnected: 'This page shows the traffic manager as soon as it connects.',
    noLongerConnected: 'A traffic manager was connected before, but none is now.',
    createPreview: 'Create a preview',
    createAbout: 'Choose a service, and where requests enter the cluster.',
    allPreviews: 'All previews',
    open: (name: string) => `Open ${name}`,
    hasPreviews: (previews: number) =>
      previews === 1 ? 'The team has a preview.' : 'The team has previews.',
  },
  step: {
    done: 'Done',
    toDo: 'To do',
  },
} as const;
