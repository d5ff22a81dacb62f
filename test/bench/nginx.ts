import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ensureBinary } from '../services/binary.js';
import { freePort, ServerProcess, TemporaryFolder } from '../services/server.js';
import { withChildren } from './cpu.js';

/** An nginx of one worker that listens on the loopback interface. */
export interface Nginx {
  readonly port: number;
  /** The master and its worker. */
  readonly pids: readonly number[];
  stop(): Promise<void>;
}

/**
 * The service behind every way: files of nginx's own, `bodyBytes` long at `/` and `bulkBytes` at `/bulk`. `/close` is
 * `/` on a connection that ends with the response.
 */
export async function startNginxService(size: { bodyBytes: number; bulkBytes: number }): Promise<Nginx> {
  const folder = new TemporaryFolder('bench-service');
  await writeFile(join(folder.path, 'page'), Buffer.alloc(size.bodyBytes, 'culvert '));
  await writeFile(join(folder.path, 'bulk'), Buffer.alloc(size.bulkBytes, 'culvert '));
  return startNginx(folder, (port) => [
    'server {',
    `  listen 127.0.0.1:${port} backlog=4096;`,
    `  root ${folder.path};`,
    '  location = / { try_files /page =404; }',
    '  location = /close { keepalive_timeout 0; try_files /page =404; }',
    '  location = /bulk { sendfile on; }',
    '}',
  ]);
}

/**
 * nginx as a plain reverse proxy: `/upload` goes to the sink, everything else to the service. With a certificate it
 * speaks TLS, HTTP/1.1 and HTTP/2.
 */
export async function startNginxProxy(options: {
  readonly service: number;
  readonly sink?: number;
  readonly tls?: { readonly cert: string; readonly key: string };
}): Promise<Nginx> {
  const { service, sink = service, tls } = options;
  return startNginx(new TemporaryFolder('bench-proxy'), (port) => [
    // Enough for all concurrent requests of a load: nginx closes connections beyond this.
    `upstream service { server 127.0.0.1:${service}; keepalive 256; keepalive_requests 1000000000; }`,
    `upstream sink { server 127.0.0.1:${sink}; keepalive 256; keepalive_requests 1000000000; }`,
    'server {',
    `  listen 127.0.0.1:${port} backlog=4096${tls ? ' ssl http2' : ''};`,
    ...(tls ? [`  ssl_certificate ${tls.cert};`, `  ssl_certificate_key ${tls.key};`] : []),
    '  proxy_http_version 1.1;',
    '  proxy_set_header Connection "";',
    '  proxy_set_header Host $host;',
    // Bodies pass through memory, as they do in a relay: its default would write them to disk.
    '  proxy_request_buffering off;',
    '  proxy_max_temp_file_size 0;',
    '  location / { proxy_pass http://service; }',
    '  location /upload { proxy_pass http://sink; }',
    '}',
  ]);
}

/** @param http lines of the block `http`, for the port to listen on */
export async function startNginx(folder: TemporaryFolder, http: (port: number) => string[]): Promise<Nginx> {
  const command = await ensureBinary({ names: ['nginx'], debianPackage: 'nginx-light' });
  const port = await freePort();
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (kind) => `  ${kind}_temp_path ${folder.path}/${kind};`,
  );
  const lines = [
    'daemon off;',
    // The worker of an nginx started by root drops root, and could then not read its folder.
    ...(process.getuid?.() === 0 ? ['user root;'] : []),
    'worker_processes 1;',
    `pid ${folder.path}/nginx.pid;`,
    'error_log stderr notice;',
    'events { worker_connections 8192; }',
    'http {',
    '  access_log off;',
    '  keepalive_requests 1000000000;',
    '  client_max_body_size 0;',
    ...temporary,
    ...http(port),
    '}',
  ];
  const config = join(folder.path, 'nginx.conf');
  await writeFile(config, lines.join('\n'));
  const server = await ServerProcess.start({
    command,
    args: ['-e', 'stderr', '-p', folder.path, '-c', config],
    folder,
    ready: 'start worker process ',
    stopSignal: 'SIGTERM',
  });
  const pids = withChildren(Number(readFileSync(join(folder.path, 'nginx.pid'), 'utf8')));
  // Killing the master leaves its worker behind.
  const kill = () => pids.forEach(killIfThere);
  process.once('exit', kill);
  return {
    port,
    pids,
    stop: () => {
      process.off('exit', kill);
      return server.stop();
    },
  };
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
