/** The types of the API client, from the OpenAPI document that the contract generates. They name no other package. */
import type { operations } from '../generated/api.js';

type JsonOf<Response> = Response extends { content: { 'application/json': infer Body } } ? Body : never;

/** The body of a successful response; `void` without one; `never` if it is not JSON. */
type BodyOfResponse<Operation> = Operation extends { responses: { 200: infer Response } }
  ? JsonOf<Response>
  : Operation extends { responses: { 201: infer Response } }
    ? JsonOf<Response>
    : Operation extends { responses: { 204: unknown } }
      ? void
      : never;

/** The operations that a client has a method for: those whose response is JSON or empty. */
export type ClientOperationId = {
  [Id in keyof operations]: [BodyOfResponse<operations[Id]>] extends [never] ? never : Id;
}[keyof operations];

/** A value of a closed set: newer servers have values that this version does not know. */
type Open<Text extends string> = string extends Text ? Text : Text | (string & Record<never, never>);

/** A response as a client sees it: every closed set is open. */
type Read<T> = T extends string ? Open<T> : T extends object ? { [Key in keyof T]: Read<T[Key]> } : T;

/** What an operation resolves with. */
export type ClientResult<Id extends ClientOperationId> = Read<BodyOfResponse<operations[Id]>>;

type PathOf<Operation> = Operation extends { parameters: { path: infer Path } } ? Path : unknown;

type QueryOf<Operation> = Operation extends { parameters: { query?: infer Query } }
  ? [NonNullable<Query>] extends [never]
    ? unknown
    : { query?: NonNullable<Query> }
  : unknown;

type RequestOf<Operation> = Operation extends {
  requestBody: { content: { 'application/json': infer Body } };
}
  ? { body: Body }
  : unknown;

/** The parameters of the operation's path by name, its `query` and its `body`. */
export type ClientInput<Id extends ClientOperationId> = PathOf<operations[Id]> &
  QueryOf<operations[Id]> &
  RequestOf<operations[Id]>;

/** Optional where no field is required. */
export type ClientArguments<Id extends ClientOperationId> =
  Partial<ClientInput<Id>> extends ClientInput<Id> ? [input?: ClientInput<Id>] : [input: ClientInput<Id>];

/** Operations that return a page of a list. */
export type PagedOperationId = {
  [Id in ClientOperationId]: BodyOfResponse<operations[Id]> extends {
    items: unknown[];
    nextCursor: string | null;
  }
    ? Id
    : never;
}[ClientOperationId];

/** An item of a list. */
export type ClientItem<Id extends PagedOperationId> =
  ClientResult<Id> extends { items: (infer Item)[] } ? Item : never;

/** Culvert's API: a method for each operation, named by its id. They reject with `ClientError`. */
export type CulvertClient = {
  readonly [Id in ClientOperationId]: (...input: ClientArguments<Id>) => Promise<ClientResult<Id>>;
} & {
  /** Returns the items of all pages of a list: `client.all('listPreviews')`. */
  all<Id extends PagedOperationId>(id: Id, ...input: ClientArguments<Id>): Promise<ClientItem<Id>[]>;
  /** Closes idle connections, which would keep the process alive for some seconds. */
  close(): void;
};
