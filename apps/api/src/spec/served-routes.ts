import type { Express } from 'express';
import type { TestApi } from './api-harness.js';

interface Layer {
  readonly route?: { readonly path: string; readonly stack: readonly { readonly method: string }[] };
}

/** Returns every route of the server, as its router knows them: `get /api/v1/previews/{previewId}`. */
export function servedRoutes({ app }: TestApi): string[] {
  const express: Express = app.getHttpAdapter().getInstance();
  return (express.router.stack as unknown as readonly Layer[]).flatMap(({ route }) =>
    route === undefined
      ? []
      : route.stack.map(
          ({ method }) => `${method} ${route.path.replace(/:(\w+)/g, '{$1}').replace(/(.)\/$/, '$1')}`,
        ),
  );
}
