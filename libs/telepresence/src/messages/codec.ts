/** Encoding and decoding of whole messages: calls that are rare and small. Bytes of streams never come here. */
import protobuf from 'protobufjs';
import { SCHEMA } from './schema.js';
import type * as T from './types.js';

/** The bytes are not the expected message, or exceed its limit. */
export class MessageError extends Error {
  override readonly name = 'MessageError';
}

export interface Codec<M> {
  /** The message's name in the schema. */
  readonly name: string;
  encode(message: Partial<M>): Buffer;
  /** Throws MessageError. Unknown fields are ignored. */
  decode(bytes: Uint8Array): M;
}

const KIB = 1024;

/** A call from a manager or client: an intercept's specification is the largest part. */
const MAX_REQUEST_BYTES = 256 * KIB;

/** Every intercept of a manager, with the environment of each. */
const MAX_SNAPSHOT_BYTES = 16 * KIB * KIB;

const root = protobuf.parse(SCHEMA, { keepCase: false }).root.resolveAll();

// Absent strings, numbers, lists and maps have their zero value. Absent messages are left out.
const TO_OBJECT: protobuf.IConversionOptions = { longs: Number, arrays: true, objects: true };

function codecOf<M>(name: string, maxBytes = MAX_REQUEST_BYTES): Codec<M> {
  const type = root.lookupType(name);
  return {
    name,
    encode(message) {
      const bytes = type.encode(type.fromObject(message)).finish();
      return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    },
    decode(bytes) {
      if (bytes.length > maxBytes) throw new MessageError(`${name} of more than ${maxBytes} bytes`);
      try {
        return withDefaults(type, type.toObject(type.decode(bytes), TO_OBJECT)) as M;
      } catch (cause) {
        throw new MessageError(`not a ${name}`, { cause });
      }
    },
  };
}

/** `defaults` of protobufjs would also make null of absent messages. */
function withDefaults(type: protobuf.Type, found: Record<string, unknown>): unknown {
  for (const field of type.fieldsArray) {
    const { name } = field;
    const nested = field.resolve().resolvedType;
    if (nested instanceof protobuf.Type && !field.map) {
      const value = found[name];
      if (Array.isArray(value))
        for (const entry of value) withDefaults(nested, entry as Record<string, unknown>);
      else if (value !== undefined) withDefaults(nested, value as Record<string, unknown>);
    } else if (found[name] === undefined) {
      found[name] = field.long ? 0 : field.typeDefault;
    }
  }
  return found;
}

export const Codecs = {
  Empty: codecOf<T.Empty>('Empty'),
  VersionInfo: codecOf<T.VersionInfo>('VersionInfo'),
  VersionInfo2: codecOf<T.VersionInfo2>('VersionInfo2'),
  IngressInfo: codecOf<T.IngressInfo>('IngressInfo'),
  InterceptInfo: codecOf<T.InterceptInfo>('InterceptInfo', MAX_SNAPSHOT_BYTES),
  InterceptInfoSnapshot: codecOf<T.InterceptInfoSnapshot>('InterceptInfoSnapshot', MAX_SNAPSHOT_BYTES),
  SessionInfo: codecOf<T.SessionInfo>('SessionInfo'),
  UpdateInterceptRequest: codecOf<T.UpdateInterceptRequest>('UpdateInterceptRequest'),
  CreateDomainRequest: codecOf<T.CreateDomainRequest>('CreateDomainRequest'),
  CreateDomainResponse: codecOf<T.CreateDomainResponse>('CreateDomainResponse'),
  RemoveDomainRequest: codecOf<T.RemoveDomainRequest>('RemoveDomainRequest'),
  InterceptRemoval: codecOf<T.InterceptRemoval>('InterceptRemoval'),
  PreferredAgentResponse: codecOf<T.PreferredAgentResponse>('PreferredAgentResponse'),
  CommandMessageResponse: codecOf<T.CommandMessageResponse>('CommandMessageResponse'),
  ReviewInterceptResponse: codecOf<T.ReviewInterceptResponse>('ReviewInterceptResponse'),
  IngressInfoRequest: codecOf<T.IngressInfoRequest>('IngressInfoRequest'),
  AvailableNamespacesRequest: codecOf<T.AvailableNamespacesRequest>('AvailableNamespacesRequest'),
  AvailableServicesRequest: codecOf<T.AvailableServicesRequest>('AvailableServicesRequest'),
  NamespacesToWatchRequest: codecOf<T.NamespacesToWatchRequest>('NamespacesToWatchRequest'),
  NamespacesToWatchResponse: codecOf<T.NamespacesToWatchResponse>('NamespacesToWatchResponse'),
  InterceptCreationResult: codecOf<T.InterceptCreationResult>('InterceptCreationResult'),
  GetSavedInterceptRequest: codecOf<T.GetSavedInterceptRequest>('GetSavedInterceptRequest'),
  SavedIntercept: codecOf<T.SavedIntercept>('SavedIntercept'),
  AutocompleteSavedInterceptRequest: codecOf<T.AutocompleteSavedInterceptRequest>(
    'AutocompleteSavedInterceptRequest',
  ),
  AutocompleteSavedInterceptsResponse: codecOf<T.AutocompleteSavedInterceptsResponse>(
    'AutocompleteSavedInterceptsResponse',
  ),
};
