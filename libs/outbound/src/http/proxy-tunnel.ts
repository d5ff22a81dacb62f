/** A way through a proxy by CONNECT (RFC 9110 §9.3.6). */
import { request as requestPlain, type IncomingMessage } from 'node:http';
import { request as requestSecure } from 'node:https';
import { isIP, type Socket } from 'node:net';
import { HttpError } from './http-error.js';

/**
 * Asks the proxy to connect to `authority`, and resolves with the connection. Rejects with an HttpError when the proxy refuses.
 * @param ca what to trust instead of the usual certificates where the proxy is reached by TLS
 * @param onSocket receives the connection to the proxy as soon as there is one, so that the caller can end it
 */
export function openProxyTunnel(
  proxy: URL,
  authority: string,
  ca: string[] | undefined,
  onSocket: (socket: Socket) => void,
): Promise<Socket> {
  const send = proxy.protocol === 'https:' ? requestSecure : requestPlain;
  const credentials = credentialsOf(proxy);
  const host = proxy.hostname.replace(/^\[|\]$/g, '');
  return new Promise((resolve, reject) => {
    const request = send({
      host,
      // Otherwise Node takes the name in `host:` below, which is that of the target. Without SNI, which is never an address
      // (RFC 6066 §3), the certificate has to name `host`.
      servername: isIP(host) === 0 ? host : '',
      ca,
      ...(proxy.port !== '' && { port: proxy.port }),
      method: 'CONNECT',
      path: authority,
      headers: { host: authority, ...(credentials && { 'proxy-authorization': credentials }) },
      agent: false,
    });
    request.once('socket', onSocket);
    request.once('error', reject);
    request.once('response', (response) => reject(refusal(response)));
    request.once('connect', (response, socket: Socket, head) => {
      if (response.statusCode !== 200) return reject(refusal(response));
      request.off('error', reject);
      if (head.length > 0) socket.unshift(head);
      return resolve(socket);
    });
    request.end();
  });
}

function refusal({ statusCode }: IncomingMessage): HttpError {
  return new HttpError('proxy', `the proxy answered ${statusCode} to CONNECT`);
}

function credentialsOf({ username, password }: URL): string | null {
  if (username === '' && password === '') return null;
  const text = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return `Basic ${Buffer.from(text).toString('base64')}`;
}
