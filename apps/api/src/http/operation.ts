import {
  applyDecorators,
  HttpCode,
  type ArgumentMetadata,
  type PipeTransform,
  RequestMapping,
  RequestMethod,
  UsePipes,
} from '@nestjs/common';
import { OPERATIONS, type OperationId, resourceId } from '@culvert/contract';
import { createValidationPipe, Public } from '@culvert/nest';
import { RequireScope } from './auth/require-scope.js';

type Described = (typeof OPERATIONS)[number];

const BY_ID: ReadonlyMap<string, Described> = new Map(
  OPERATIONS.map((operation) => [operation.id, operation] as const),
);

const METHODS = {
  get: RequestMethod.GET,
  post: RequestMethod.POST,
  patch: RequestMethod.PATCH,
  delete: RequestMethod.DELETE,
} as const satisfies Readonly<Record<Described['method'], RequestMethod>>;

const validation = createValidationPipe();

/** Validates the arguments of a method: body and query by the schemas of its operation, path parameters as IDs. */
class OperationPipe implements PipeTransform {
  constructor(private readonly operation: Described) {}

  transform(value: unknown, metadata: ArgumentMetadata): unknown {
    const schema = this.schemaOf(metadata);
    return schema === null ? value : validation.transform(value, { ...metadata, schema });
  }

  private schemaOf({ type }: ArgumentMetadata): NonNullable<ArgumentMetadata['schema']> | null {
    const { id, body, query } = this.operation;
    if (type === 'custom') return null;
    const schema = { body: body?.schema, query, param: resourceId }[type];
    if (schema === undefined) throw new Error(`the operation ${id} has no schema for its ${type}`);
    return schema;
  }
}

/**
 * Makes a method of a controller the route of an API operation. Method, path, access, status and the schemas of body
 * and query come from the contract's table, so a route is declared once. The controller itself has no path. `@Param`,
 * `@Query` and `@Body` of the method need no schema of their own.
 */
export function Operation(id: OperationId): MethodDecorator {
  const operation = BY_ID.get(id);
  if (operation === undefined) throw new Error(`the contract has no operation ${id}`);
  const { method, path, access, status } = operation;
  return applyDecorators(
    RequestMapping({ method: METHODS[method], path: path.replace(/\{(\w+)\}/g, ':$1') }),
    HttpCode(status),
    access === 'public' ? Public() : RequireScope(access),
    UsePipes(new OperationPipe(operation)),
  );
}
