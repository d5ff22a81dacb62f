import type { Request } from 'express';

/** The part of Express 5's router layers that its type declarations lack. */
interface Layer {
  match(path: string): boolean;
  readonly route?: { readonly stack: readonly { readonly method: string }[] };
}

/** Returns the methods of the routes at this request's path; empty if there is none. */
export function allowedMethods(request: Request): string[] {
  const methods = new Set<string>();
  for (const layer of request.app.router.stack as unknown as readonly Layer[]) {
    if (layer.route === undefined || !matches(layer, request.path)) continue;
    for (const { method } of layer.route.stack) methods.add(method.toUpperCase());
  }
  // Express answers HEAD wherever it answers GET.
  if (methods.has('GET')) methods.add('HEAD');
  return [...methods].toSorted();
}

function matches(layer: Layer, path: string): boolean {
  try {
    return layer.match(path);
  } catch {
    // A path whose percent-encoding is broken matches nothing.
    return false;
  }
}
