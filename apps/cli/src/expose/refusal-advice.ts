/** What to do when a development server refuses requests for a name, or from an origin, that it does not know. */
import type { RefusalCode } from '@culvert/client';
import type { Preview } from '../api.js';

/** Returns the server of a refusal, and the setting that makes it accept `host` and `origin`. */
const SETTINGS: Readonly<
  Record<RefusalCode, (seen: { host: string; origin: string }) => readonly [server: string, setting: string]>
> = {
  vite_host: ({ host }) => ['Vite', `server.allowedHosts: ['${host}'] in vite.config`],
  webpack_host: ({ host }) => ['webpack-dev-server', `devServer.allowedHosts: ['${host}'] in webpack.config`],
  django_host: ({ host }) => ['Django', `ALLOWED_HOSTS = ['${host}'] in settings.py`],
  django_origin: ({ origin }) => ['Django', `CSRF_TRUSTED_ORIGINS = ['${origin}'] in settings.py`],
  jupyter_origin: ({ origin }) => [
    'Jupyter',
    `c.ServerApp.allow_origin = '${origin}' and c.ServerApp.allow_remote_access = True in jupyter_server_config.py`,
  ],
  next_origin: ({ host }) => ['Next.js', `allowedDevOrigins: ['${host}'] in next.config`],
  rails_host: ({ host }) => ['Rails', `config.hosts << '${host}' in config/environments/development.rb`],
};

/** How a service is addressed, and what the settings for that are called. */
export interface AdvisedSettings {
  readonly hostHeader?: string;
  readonly rewriteOrigin?: boolean;
  readonly names?: {
    readonly hostHeader: string;
    /** The setting that rewrites the origin, and the one that does not. */
    readonly rewriteOrigin: string;
    readonly noRewriteOrigin: string;
  };
}

const FLAG_NAMES = {
  hostHeader: '--host-header',
  rewriteOrigin: '--rewrite-origin',
  noRewriteOrigin: '--no-rewrite-origin',
} as const;

/** Returns one line for a person: who refused what, and what to do. */
export function refusalAdvice(code: RefusalCode, preview: Preview, settings: AdvisedSettings): string {
  const { ingress, hostname, url } = preview;
  const isTarget = ingress.addressedAs === 'target';
  const host = ingress.addressedAs === 'preview' || code === 'next_origin' ? hostname : ingress.l5Host;
  const [server, setting] = SETTINGS[code]({ host, origin: new URL(url).origin });
  const what = code.endsWith('_host') ? `the host ${host}` : `requests from ${new URL(url).origin}`;
  return `${server} refuses ${what}. Set ${setting}${isTarget ? '' : insteadOf(settings)}.`;
}

/** Returns how to run the command so that the server needs no setting. */
function insteadOf({ hostHeader, rewriteOrigin, names = FLAG_NAMES }: AdvisedSettings): string {
  if (hostHeader !== undefined) return `, or leave ${names.hostHeader} out`;
  return rewriteOrigin === false
    ? `, or leave ${names.noRewriteOrigin} out`
    : `, or add ${names.rewriteOrigin}`;
}
