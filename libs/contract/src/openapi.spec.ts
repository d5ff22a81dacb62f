import { Validator } from '@seriousme/openapi-schema-validator';
import { describe, expect, it } from 'vitest';
import { ERRORS, ProblemError, toProblem } from './errors.js';
import { buildOpenApiDocument, errorsOf } from './openapi.js';
import { OPERATIONS } from './operations.js';
import { ROUTES } from './routes.js';
import { problemResource } from './problems.js';

describe('the OpenAPI document', () => {
  const document = buildOpenApiDocument();

  // Compiling OpenAPI's own schema takes half a second of CPU time, which can be long on a busy machine.
  it('is valid OpenAPI 3.1', { timeout: 30_000 }, async () => {
    const validator = new Validator();
    const result = await validator.validate(structuredClone(document));
    expect(result.errors).toBeUndefined();
    expect([result.valid, validator.version]).toEqual([true, '3.1']);
  });

  it('survives serialization to JSON without loss', () => {
    expect(JSON.parse(JSON.stringify(document))).toEqual(document);
  });

  it('refers only to components that it contains', () => {
    const { schemas, responses } = document['components'] as { schemas: object; responses: object };
    const components = [
      ...Object.keys(schemas).map((name) => `#/components/schemas/${name}`),
      ...Object.keys(responses).map((name) => `#/components/responses/${name}`),
    ];
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map(
      ([, target]) => target,
    );
    expect(references.length).toBeGreaterThan(50);
    for (const target of references) {
      expect(components).toContain(target);
    }
  });

  it('shows an example of every error that it lists', () => {
    const paths = document['paths'] as Record<string, Record<string, { responses: Record<string, object> }>>;
    for (const operation of OPERATIONS) {
      const responses = paths[operation.path]?.[operation.method]?.responses ?? {};
      const shown = Object.entries(responses).flatMap(([status, response]) => {
        const { content = {} } = response as { content?: Record<string, { examples?: object }> };
        return Object.entries(content['application/problem+json']?.examples ?? {}).map(
          ([code, { value }]) => {
            expect(problemResource.parse(value)).toMatchObject({ status: Number(status), code });
            return code;
          },
        );
      });
      expect(shown.toSorted(), operation.id).toEqual(errorsOf(operation).toSorted());
    }
  });

  it('documents for every operation that its URL may be too long, and what a cursor looks like', () => {
    const paths = document['paths'] as Record<string, Record<string, object>>;
    for (const { path, method } of OPERATIONS)
      expect(paths[path]?.[method]).toMatchObject({
        responses: { 414: { $ref: '#/components/responses/TargetTooLong' } },
      });
    expect(paths['/api/v1/api-keys']?.['get']).toMatchObject({
      parameters: expect.arrayContaining([
        expect.objectContaining({
          name: 'cursor',
          schema: expect.objectContaining({ pattern: '^[A-Za-z0-9_-]+$' }),
        }),
      ]),
    });
  });

  it('refuses unknown fields in every body', () => {
    const { schemas } = document['components'] as {
      schemas: Record<string, { additionalProperties?: unknown }>;
    };
    for (const schema of Object.values(schemas)) expect(schema.additionalProperties).toBe(false);
  });
});

describe('the operations', () => {
  it('exist for every route', () => {
    expect(OPERATIONS.map(({ id }) => id).toSorted()).toEqual(Object.keys(ROUTES).toSorted());
  });

  it('have unique IDs and routes', () => {
    expect(new Set(OPERATIONS.map(({ id }) => id)).size).toBe(OPERATIONS.length);
    expect(new Set(OPERATIONS.map(({ method, path }) => `${method} ${path}`)).size).toBe(OPERATIONS.length);
  });

  it.each(
    OPERATIONS.filter(({ body }) => body !== undefined).map(
      (operation) => [operation.id, operation] as const,
    ),
  )('have a valid example: %s', (_id, { body }) => {
    expect(body?.schema.safeParse(body.example).error).toBeUndefined();
  });

  it('need a scope or a person wherever they change something, except signing in', () => {
    const unsafe = OPERATIONS.filter(({ method, id }) => method !== 'get' && id !== 'signIn');
    expect(unsafe.filter(({ access }) => access !== 'user' && !access.endsWith(':write'))).toEqual([]);
  });

  it('account for every error code except those of the server as a whole', () => {
    const codes = new Set(OPERATIONS.flatMap(errorsOf));
    const missing = Object.keys(ERRORS).filter((code) => !codes.has(code as keyof typeof ERRORS));
    // The code of the identity provider belongs to pages.
    expect(missing).toEqual(['route_not_found', 'method_not_allowed', 'identity_provider_failed']);
  });
});

describe('a problem', () => {
  it('matches the documented shape', () => {
    const error = new ProblemError('validation_failed', {
      detail: 'x',
      errors: [{ pointer: '/a', message: 'b' }],
    });
    const problem = toProblem(error, 'a3c1f0de-0000-4000-8000-000000000000');
    expect(problemResource.parse(problem)).toEqual(problem);
    expect(problem.instance).toBe('urn:uuid:a3c1f0de-0000-4000-8000-000000000000');
    expect(toProblem(new ProblemError('not_found'), 'x')).not.toHaveProperty('detail');
  });
});
