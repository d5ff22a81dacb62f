import { MAX_BODY_BYTES, OPERATIONS } from '@culvert/contract';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { identifyRequest, LOG, SETTINGS, type Settings } from '@culvert/platform';
import type { Request } from 'express';
import type { Logger } from 'pino';
import { trustEdgeAnd } from './http/client-address.js';
import { logRequests } from './http/log-requests.js';
import { requireJson } from './http/require-json.js';
import { securityHeaders } from './http/security-headers.js';
import { speakToTelepresence } from './telepresence-login/error-forms.js';

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
  // No compressed bodies: these need none, and a small one could unfold into a large one.
  app.useBodyParser('urlencoded', {
    limit: MAX_FORM_BYTES,
    inflate: false,
    extended: false,
    parameterLimit: 50,
  });
  // The first that takes a body reads it, and those behind leave it alone.
  for (const { method, path, body } of OPERATIONS) {
    if (body?.maxBytes === undefined) continue;
    const pattern = new RegExp(`^${path.replaceAll(/\{\w+\}/g, '[^/]+')}/?$`, 'i');
    const isMeant = (request: Request): boolean =>
      request.method === method.toUpperCase() && pattern.test(request.path) && request.is('json') === 'json';
    app.useBodyParser('json', {
      limit: body.maxBytes,
      inflate: false,
      type: (request) => isMeant(request as Request),
    });
  }
  app.useBodyParser('json', { limit: MAX_BODY_BYTES, inflate: false });
}
