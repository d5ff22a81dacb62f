import { OPERATIONS } from '@culvert/contract';

type Operation = (typeof OPERATIONS)[number];

const PATTERNS: readonly (readonly [pattern: RegExp, operation: Operation])[] = OPERATIONS.map(
  (operation) => [new RegExp(`^${operation.path.replaceAll(/\{\w+\}/g, '[^/]+')}/?$`, 'i'), operation],
);

/**
 * Returns the operation of the API that Express's router will find for a request; undefined for pages and other paths.
 */
export function operationOf({
  method,
  path,
}: {
  readonly method: string;
  readonly path: string;
}): Operation | undefined {
  return PATTERNS.find(
    ([pattern, operation]) => operation.method === method.toLowerCase() && pattern.test(path),
  )?.[1];
}
