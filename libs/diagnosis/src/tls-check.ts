/** TLS with Culvert: the certificates that it sends, and whether they are trusted. */
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { connect, type DetailedPeerCertificate, type PeerCertificate, type TLSSocket } from 'node:tls';
import { isLoopback, unreachable } from '@culvert/client';
import { proxyOf, withUsualCertificates } from '@culvert/outbound';
import { type Check, type Finding, roundMs } from './check.js';
import { openThroughProxy } from './tcp-checks.js';
import { hostOf, portOf, serverNameOf, type Way, withoutCredentials } from './way.js';

const DAY_MS = 86_400_000;
/** Certificates that end sooner are worth a warning: automatic renewal happens earlier. */
const WARNING_DAYS = 14;
const MAX_CHAIN = 10;
const PEM = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** A certificate of the chain, the server's first. */
interface ChainLink {
  readonly subject: string;
  readonly issuer: string;
  readonly validTo: string;
}

/** Checks TLS with Culvert. Without TLS it reports whether traffic stays on this machine. */
export function tlsCheck(way: Way): Check {
  return {
    id: 'tls',
    title: 'TLS',
    needs: ['tcp'],
    timeoutMs: 10_000,
    run: async (signal) => {
      if (!way.url.startsWith('https:')) return withoutTls(way.url);
      const startedAt = performance.now();
      let socket: TLSSocket;
      try {
        socket = await handshake(way, signal);
      } catch (error) {
        const { message, hint } = unreachable(way.url, error);
        return { state: 'failure', message, advice: hint };
      }
      try {
        return judge(way, socket, roundMs(performance.now() - startedAt));
      } finally {
        socket.destroy();
      }
    },
  };
}

function withoutTls(url: string): Finding {
  if (isLoopback(new URL(url))) return { state: 'ok', message: 'not used: Culvert runs on this machine' };
  return {
    state: 'warning',
    message: 'not used, so that others on the way can read your credential',
    advice: 'Use an https:// URL of Culvert.',
  };
}

/** Completes the handshake even if the certificate is not trusted, to show it. Nothing is sent on the connection. */
async function handshake({ url, ca }: Way, signal: AbortSignal): Promise<TLSSocket> {
  const proxy = proxyOf(url);
  const tunnel = proxy === null ? undefined : await openThroughProxy(url, proxy, ca, signal);
  const host = hostOf(url);
  const target = { host, port: portOf(url), ...(tunnel && { socket: tunnel }), autoSelectFamily: true };
  const socket = connect({
    ...target,
    servername: serverNameOf(host),
    ca: withUsualCertificates(ca),
    rejectUnauthorized: false,
  });
  socket.on('error', () => {});
  signal.addEventListener('abort', () => socket.destroy(), { once: true });
  await once(socket, 'secureConnect', { signal });
  return socket;
}

function judge({ url, ca }: Way, socket: TLSSocket, ms: number): Finding {
  const peer = socket.getPeerCertificate(true);
  const chain = chainOf(peer);
  const [first] = chain;
  const proxy = proxyOf(url);
  const shownProxy = proxy === null ? null : withoutCredentials(proxy);
  const authority = trustedBy(peer, ca);
  const facts = { protocol: socket.getProtocol(), ms, chain, trustedBy: authority, proxy: shownProxy };
  if (!socket.authorized) {
    // Node reports a code here; some versions an error that has one.
    const { authorizationError: problem } = socket as { authorizationError: Error | string | null };
    const code = typeof problem === 'string' ? problem : ((problem as NodeJS.ErrnoException)?.code ?? '');
    const { message, hint } = unreachable(url, Object.assign(new Error(wordsOf(code, first)), { code }));
    const advice = adviceOf(code) ?? (shownProxy === null ? hint : adviceAtProxy(code, shownProxy, first));
    return { state: 'failure', message, advice: advice ?? hint, facts };
  }
  const endsAt = Date.parse(first?.validTo ?? '');
  const days = Math.floor((endsAt - Date.now()) / DAY_MS);
  const way =
    shownProxy !== null && authority === 'ca-file'
      ? `; trusted by the CA file: if this authority is that of the proxy ${shownProxy}, the proxy decrypts your traffic`
      : '';
  const said = `${socket.getProtocol()} in ${ms} ms; ${first?.subject} by ${first?.issuer}, until ${first?.validTo.slice(0, 10)}${way}`;
  if (days >= WARNING_DAYS) return { state: 'ok', message: said, facts };
  const advice = `The certificate ends in ${days} days. Ask the operator of Culvert whether it is renewed in time.`;
  return { state: 'warning', message: said, advice, facts };
}

/** Explains the codes of OpenSSL that its own messages leave unclear. */
function wordsOf(code: string, first: ChainLink | undefined): string {
  const { subject = 'the server', issuer = 'unknown', validTo = '' } = first ?? {};
  switch (code) {
    case 'CERT_HAS_EXPIRED':
      return `it ended at ${validTo}`;
    case 'CERT_NOT_YET_VALID':
      return 'it is not valid yet';
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
      return `${subject} issued it itself`;
    case 'SELF_SIGNED_CERT_IN_CHAIN':
      return 'the authority at the end of its chain is not a trusted one';
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return `it is for ${subject}, not for this host`;
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'UNABLE_TO_GET_ISSUER_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
      return `its issuer ${issuer} is not a trusted authority, or the server does not send the whole chain`;
    default:
      return code || 'the reason is unknown';
  }
}

function adviceOf(code: string): string | null {
  switch (code) {
    case 'CERT_HAS_EXPIRED':
      return 'Check the clock of this machine. If it is right, ask the operator of Culvert to renew the certificate.';
    case 'CERT_NOT_YET_VALID':
      return 'Check the clock of this machine.';
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return 'Use the host name of the certificate in the URL of Culvert.';
    default:
      return null;
  }
}

/** Codes of a certificate whose authority is not trusted, as a proxy that decrypts TLS causes them. */
const UNKNOWN_AUTHORITY = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

/** Returns what to do behind a proxy, which may have replaced the certificate; null if that is not the problem. */
function adviceAtProxy(code: string, proxy: string, first: ChainLink | undefined): string | null {
  if (!UNKNOWN_AUTHORITY.has(code)) return null;
  return (
    `The proxy ${proxy} may decrypt TLS with its own authority, ${first?.issuer}. If it does, name the certificate of that ` +
    'authority with --ca-file or CULVERT_CA_FILE, or ask the operator of the proxy to pass connections to Culvert on.'
  );
}

function chainOf(peer: DetailedPeerCertificate): ChainLink[] {
  const links: ChainLink[] = [];
  for (const certificate of certificatesOf(peer)) {
    const { subject, issuer, valid_to: validTo } = certificate;
    const until = new Date(validTo);
    links.push({
      subject: nameOf(subject, certificate),
      issuer: nameOf(issuer),
      validTo: Number.isNaN(until.getTime()) ? validTo : until.toISOString(),
    });
  }
  return links;
}

function certificatesOf(peer: DetailedPeerCertificate): DetailedPeerCertificate[] {
  const found: DetailedPeerCertificate[] = [];
  let next: DetailedPeerCertificate | undefined = peer;
  while (next?.raw !== undefined && found.length < MAX_CHAIN && !found.includes(next)) {
    found.push(next);
    next = next.issuerCertificate;
  }
  return found;
}

function nameOf(name: PeerCertificate['subject'] | undefined, certificate?: PeerCertificate): string {
  const text = name?.CN ?? name?.O ?? certificate?.subjectaltname ?? 'an unnamed certificate';
  return Array.isArray(text) ? text.join(', ') : text;
}

/** Says whether a certificate of the configured file is a part of the chain, or issued its end. */
function trustedBy(peer: DetailedPeerCertificate, ca: string | undefined): 'ca-file' | 'usual' {
  const configured = (ca?.match(PEM) ?? []).flatMap((pem) => {
    try {
      return [new X509Certificate(pem)];
    } catch {
      return [];
    }
  });
  const isConfigured = certificatesOf(peer).some(({ raw }) => {
    const sent = new X509Certificate(raw);
    return configured.some((own) => own.fingerprint256 === sent.fingerprint256 || sent.checkIssued(own));
  });
  return isConfigured ? 'ca-file' : 'usual';
}
