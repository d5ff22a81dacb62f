import { Ajv2020 } from 'ajv/dist/2020.js';
import type { Response } from 'supertest';
import formats from 'ajv-formats';

interface Media {
  readonly schema: object;
  readonly example?: object;
  readonly examples?: Readonly<Record<string, { readonly value: object }>>;
}
interface Described {
  readonly operationId: string;
  readonly description?: string;
  readonly security?: readonly object[];
  readonly parameters?: readonly { readonly in: string; readonly name: string }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, Media>> };
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, Media>> }>>;
}
export interface OpenApiDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Described>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
}

export type Method = 'get' | 'post' | 'patch' | 'delete';

/** One operation, as described by the document. */
export interface DescribedOperation {
  readonly id: string;
  readonly method: Method;
  readonly path: string;
  readonly access: 'public' | 'person' | 'all';
  readonly scope: string | undefined;
  readonly pathParameters: readonly string[];
  readonly queryParameters: readonly string[];
  readonly bodyExample: object | undefined;
  /** Error codes of every status. */
  readonly errorCodes: readonly string[];
}

const PROBLEM = 'application/problem+json';

export function operationsOf({ paths }: OpenApiDocument): DescribedOperation[] {
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, described]) => {
      const { operationId, description = '', security, parameters = [], requestBody, responses } = described;
      const named = (place: string) => parameters.filter((it) => it.in === place).map(({ name }) => name);
      return {
        id: operationId,
        method: method as Method,
        path,
        access: security === undefined ? 'all' : security.length === 0 ? 'public' : 'person',
        scope: /Needs the scope `([\w:]+)`/.exec(description)?.[1],
        pathParameters: named('path'),
        queryParameters: named('query'),
        bodyExample: requestBody?.content['application/json']?.example,
        errorCodes: Object.values(responses).flatMap(({ content }) =>
          Object.keys(content?.[PROBLEM]?.examples ?? {}),
        ),
      };
    }),
  );
}

/** Finds deviations of responses from the document. */
export class AnswerCheck {
  private readonly ajv = new Ajv2020({ strict: false, allErrors: true });

  constructor(private readonly document: OpenApiDocument) {
    formats.default(this.ajv);
    this.ajv.addSchema({ $id: 'openapi:', components: document.components });
  }

  /** Returns null if the document describes this response, otherwise why it does not. */
  complaint({ method, path }: DescribedOperation, response: Response): string | null {
    const { status, text } = response;
    const described = this.document.paths[path]?.[method]?.responses[status];
    if (described === undefined) return `status ${status} is not described: ${text}`;
    if (described.content === undefined) return text === '' ? null : `a body is not described: ${text}`;
    const type = response.headers['content-type']?.split(';')[0] ?? '';
    const media = described.content[type];
    if (media === undefined) return `content type ${type} of ${status} is not described`;
    const complaint = this.mismatch(
      media.schema,
      /^application\/(problem\+)?json$/.test(type) ? JSON.parse(text) : text,
    );
    if (complaint !== null) return `${complaint}: ${text}`;
    if (type !== PROBLEM) return null;
    const { code } = JSON.parse(text);
    return code in (media.examples ?? {}) ? null : `error ${code} is not described`;
  }

  private mismatch(schema: object, value: unknown): string | null {
    const { $ref } = schema as { $ref?: string };
    const validate = $ref === undefined ? this.ajv.compile(schema) : this.ajv.getSchema(`openapi:${$ref}`);
    if (validate === undefined) return `schema ${$ref} does not exist`;
    return validate(value) ? null : this.ajv.errorsText(validate.errors);
  }
}
