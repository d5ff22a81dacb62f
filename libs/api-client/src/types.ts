import type { OperationId, OperationTypes, ROUTES } from '@culvert/contract';
import type { z } from 'zod';

/** A value of a closed set as a client sees it: newer servers have values that this version does not know. */
type Open<Text extends string> = string extends Text ? Text : Text | (string & Record<never, never>);

/** The client's view of a response of type `T`: the same type with every closed set open. */
export type Read<T> = T extends string ? Open<T> : T extends object ? { [Key in keyof T]: Read<T[Key]> } : T;

/** The fields of `T`, and of every object in it, that a program reads. */
export type Part<T> = T extends readonly (infer Item)[]
  ? readonly Part<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]?: Part<T[Key]> | undefined }
    : T;

/** The response of an operation by the contract; `never` when it is not JSON. */
export type ResponseOf<Id extends OperationId> = OperationTypes[Id] extends {
  readonly response: infer Schema extends z.ZodType;
}
  ? z.output<Schema>
  : never;

/** Operations whose response has no body. */
export type SilentOperationId = {
  [Id in OperationId]: OperationTypes[Id]['status'] extends 204 ? Id : never;
}[OperationId];

/** Operations whose response is a stream of events or a file. */
export type StreamedOperationId = {
  [Id in OperationId]: OperationTypes[Id] extends { readonly response: `${string}/${string}` } ? Id : never;
}[OperationId];

type ParametersOf<Path extends string> = Path extends `${string}{${infer Name}}${infer Rest}`
  ? Name | ParametersOf<Rest>
  : never;

/** Numbers are sent as text; so the schema accepts anything there. */
type QueryValue<T> = unknown extends T ? number | undefined : T;

type QueryOf<Operation> = Operation extends { readonly query: infer Schema extends z.ZodObject }
  ? {
      readonly query?: {
        readonly [Key in keyof z.input<Schema>]?: QueryValue<z.input<Schema>[Key]> | undefined;
      };
    }
  : unknown;

type BodyOf<Operation> = Operation extends {
  readonly body: { readonly schema: infer Schema extends z.ZodType };
}
  ? { readonly body: z.input<Schema> }
  : unknown;

/** The parameters of the operation's path by name, its `query` and its `body`. */
export type CallInput<Id extends OperationId> = {
  readonly [Name in ParametersOf<PathOf<Id>>]: string;
} & QueryOf<OperationTypes[Id]> &
  BodyOf<OperationTypes[Id]>;

/** Optional where no field is required. */
export type CallArguments<Id extends OperationId> =
  Partial<CallInput<Id>> extends CallInput<Id> ? [input?: CallInput<Id>] : [input: CallInput<Id>];

type PathOf<Id extends OperationId> = (typeof ROUTES)[Id]['path'];
