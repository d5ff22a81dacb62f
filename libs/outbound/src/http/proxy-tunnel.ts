/** A way through a proxy by CONNECT (RFC 9110 §9.3.6). */
import { request as requestPlain, type IncomingMessage } from 'node:http';
import { request as requestSecure } from 'node:https';
import type { Socket } from 'node:net';
import { HttpError } from './http-error.js';

/**
 * Asks the proxy to connect to `authority`, and resolves with the connection. Rejects with an HttpError when the proxy refuses.
 * @param onSocket is given the connection to the proxy as soon as there is one, so that the caller can end it
 */
export function openProxyTunnel(
  proxy: URL,
  authority: string,
  onSocket: (socket: Socket) => void,
): Promise<Socket> {
  const send = proxy.protocol === 'https:' ? requestSecure : requestPlain;
  const credentials = credentialsOf(proxy);
  return new Promise((resolve, reject) => {
    const request = send({
      host: proxy.hostname.replace(/^\[|\]$/g, ''),
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
