/** Fields of requests, as the API names them, and the flags that set them. */

/** Flags by the JSON pointer of a field, without the index of an item or the name of a member. */
export const FLAGS: Readonly<Record<string, string>> = {
  '/access': '--access',
  '/addRequestHeaders': '--add-request-header',
  '/action': '--action',
  '/actorId': '--actor',
  '/allowUpgrades': '--allow-upgrades',
  '/allowedDomains': '--allow-domain',
  '/allowedEmails': '--allow-email',
  '/body': '--data',
  '/client': '--client',
  '/clusterId': '--cluster',
  '/displayBanner': '--banner',
  '/disposition': '--disposition',
  '/endsWithSession': '--ends-with-session',
  '/events': '--event',
  '/expiresAt': '--expires',
  '/format': '--format',
  '/from': '--from',
  '/headers': '--header',
  '/idleExpirySeconds': '--idle-expires',
  '/ingress/addressedAs': '--ingress-addressed-as',
  '/ingress/host': '--ingress-host',
  '/ingress/l5Host': '--ingress-l5host',
  '/ingress/port': '--ingress-port',
  '/ingress/protocol': '--ingress-protocol',
  '/ingress/useTls': '--ingress-tls',
  '/ingress/verifyTls': '--no-ingress-verify',
  '/intercept/name': '--name',
  '/intercept/namespace': '--namespace',
  '/intercept/workload': '--workload',
  '/interceptId': '--intercept',
  '/mechanism': '--mechanism',
  '/mechanismArgs': '--mechanism-arg',
  '/host': '--host',
  '/keep/count': '--keep',
  '/keep/hours': '--keep-for',
  '/keepPolicy/maxCount': '--keep',
  '/keepPolicy/maxHours': '--keep-for',
  '/keepPolicy/redactedNames': '--keep-redact',
  '/message': '--message',
  '/metadata': '--metadata',
  '/method': '--method',
  '/minDurationMs': '--min-duration',
  '/minutes': '--minutes',
  '/name': '--name',
  '/namespace': '--namespace',
  '/overlapSeconds': '--overlap',
  '/previewIdleExpirySeconds': '--preview-idle-expires',
  '/path': '--path',
  '/pullRequestUrl': '--pull-request',
  '/role': '--role',
  '/scopes': '--scope',
  '/search': '--search',
  '/serviceName': '--service',
  '/servicePortIdentifier': '--service-port',
  '/target': '--target',
  '/status': '--status',
  '/targetHost': '--target-host',
  '/targetId': '--target',
  '/targetPort': '--target-port',
  '/text': '--text',
  '/trafficManagerId': '--traffic-manager',
  '/until': '--until',
  '/url': '--to',
  '/workload': '--workload',
  '/workloadKind': '--workload-kind',
};

/**
 * Returns the flag that sets a field, with the item's name if it has one: `/addRequestHeaders/host` is
 * `--add-request-header host`. A field without a flag is spelled `ingress.l5Host`, and the whole request is empty.
 * @param pointer JSON pointer (RFC 6901)
 */
export function flagOfField(pointer: string): string {
  const end = pointer.lastIndexOf('/');
  const own = FLAGS[pointer];
  if (own !== undefined) return own;
  const outer = FLAGS[pointer.slice(0, end)];
  const item = unescape(pointer.slice(end + 1));
  // The index of an item would count from zero, and the message quotes the value.
  if (outer !== undefined) return /^\d+$/.test(item) ? outer : `${outer} ${item}`;
  return pointer.slice(1).split('/').map(unescape).join('.');
}

function unescape(part: string): string {
  return part.replaceAll('~1', '/').replaceAll('~0', '~');
}
