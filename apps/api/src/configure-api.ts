import type { NestExpressApplication } from '@nestjs/platform-express';
import { identifyRequest, LOG, SETTINGS, type Settings } from '@culvert/platform';
import type { Logger } from 'pino';
import { trustEdgeAnd } from './http/client-address.js';
import { logRequests } from './http/log-requests.js';
import { requireJson } from './http/require-json.js';
import { securityHeaders } from './http/security-headers.js';
import { speakToTelepresence } from './telepresence-login/error-forms.js';

const MAX_BODY_BYTES = 256 * 1024;
const MAX_FORM_BYTES = 16 * 1024;

/**
 * What every request passes before its route. To be called before `app.init()`, on an application created with
 * `bodyParser: false`, whose peers are edges.
 */
export function configureApi(app: NestExpressApplication): void {
  const settings = app.get<Settings>(SETTINGS);
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', 'simple');
  app.set('trust proxy', trustEdgeAnd(settings.trustedProxies));
  app.use(identifyRequest);
  app.use(logRequests(app.get<Logger>(LOG)));
  app.use(securityHeaders);
  app.use(speakToTelepresence);
  app.use(requireJson);
  // No compressed bodies: 256 KiB need none, and a small one could unfold into a large one.
  app.useBodyParser('urlencoded', {
    limit: MAX_FORM_BYTES,
    inflate: false,
    extended: false,
    parameterLimit: 50,
  });
  app.useBodyParser('json', { limit: MAX_BODY_BYTES, inflate: false });
}
