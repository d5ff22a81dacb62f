import { MAX_BODY_BYTES, OPERATIONS } from '@culvert/contract';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { identifyRequest, LOG, SETTINGS } from '@culvert/nest';
import type { Settings } from '@culvert/runtime';
import type { Logger } from 'pino';
import { BodyGate, MAX_ANONYMOUS_BODY_BYTES } from './auth/body-gate.middleware.js';
import { trustEdgeAnd } from './client-address.js';
import { chooseErrorForm } from './error-forms.middleware.js';
import { logRequests } from './log-requests.middleware.js';
import { ApiMeasures } from './measures/api-measures.js';
import { operationOf } from './operation-of.js';
import { requireJson } from './require-json.middleware.js';
import { securityHeaders } from './security-headers.middleware.js';
import { Pages } from './pages/pages.js';
import { showPagesToPeople } from './pages/problem-pages.middleware.js';

/** The part of a request that decides how long its body may be. */
interface BodyRequest {
  readonly method: string;
  readonly path: string;
  is(type: string): string | false | null;
}

/**
 * Sets up what every request passes before its route. Call it before `app.init()`, on an application created with
 * `bodyParser: false`, whose peers are edges.
 */
export function configureApi(app: NestExpressApplication): void {
  const settings = app.get<Settings>(SETTINGS);
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', 'simple');
  app.set('trust proxy', trustEdgeAnd(settings.trustedProxies));
  app.use(identifyRequest);
  app.use(logRequests(app.get<Logger>(LOG), app.get(ApiMeasures, { strict: false })));
  app.use(securityHeaders);
  app.use(showPagesToPeople(app.get(Pages, { strict: false })));
  app.use(chooseErrorForm);
  app.use(requireJson);
  // Compressed bodies are refused: none are needed, and a small one could unfold into a large one.
  app.useBodyParser('urlencoded', {
    limit: MAX_ANONYMOUS_BODY_BYTES,
    inflate: false,
    extended: false,
    parameterLimit: 50,
  });
  const gate = app.get(BodyGate, { strict: false });
  app.use(gate.check);
  // The first parser that accepts a body reads it; the later ones skip it.
  const useJson = (limit: number, isMeant: (request: BodyRequest) => boolean): void => {
    app.useBodyParser('json', {
      limit,
      inflate: false,
      type: (message) => {
        const request = message as unknown as BodyRequest;
        return request.is('json') === 'json' && isMeant(request);
      },
    });
  };
  for (const maxBytes of new Set(OPERATIONS.map(({ body }) => body?.maxBytes))) {
    if (maxBytes === undefined) continue;
    useJson(
      maxBytes,
      (request) => gate.isAdmitted(request) && operationOf(request)?.body?.maxBytes === maxBytes,
    );
  }
  useJson(MAX_BODY_BYTES, (request) => gate.isAdmitted(request));
  app.useBodyParser('json', { limit: MAX_ANONYMOUS_BODY_BYTES, inflate: false });
}
