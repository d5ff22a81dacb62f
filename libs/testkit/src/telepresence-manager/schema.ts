/**
 * The manager's own definition of the messages, keys and environments included, with a codec of its own, so that a
 * misreading by Culvert is not repeated here and thus unnoticed.
 */
import protobuf from 'protobufjs';

const SCHEMA = `
syntax = "proto3";
message Empty {}
message Chunk { bytes content = 1; }
message ConnectionChunk { oneof value { string intercept_id = 1; bytes data = 2; string error = 3; } }
message VersionInfo { int32 api_version = 1; string version = 2; }
message SessionInfo { string session_id = 1; string cluster_id = 2; }
message IngressInfo { string host = 1; int32 port = 2; bool use_tls = 3; string l5host = 4; }
message PreviewSpec {
  IngressInfo ingress = 1;
  bool display_banner = 2;
  string pull_request_url = 3;
  map<string, string> add_request_headers = 4;
}
message InterceptSpec {
  string name = 1;
  string client = 2;
  string agent = 3;
  string mechanism = 4;
  string target_host = 6;
  int32 target_port = 7;
  string namespace = 8;
  repeated string mechanism_args = 9;
  string service_port_identifier = 10;
  string mount_point = 11;
  string service_uid = 12;
  string workload_kind = 13;
  string service_name = 14;
  int64 roundtrip_latency = 16;
}
message InterceptInfo {
  InterceptSpec spec = 1;
  string client_mount_point = 2;
  int32 disposition = 3;
  string message = 4;
  string id = 5;
  SessionInfo client_session = 6;
  string preview_domain = 7;
  PreviewSpec preview_spec = 9;
  string pod_ip = 10;
  int32 sftp_port = 11;
  string mechanism_args_desc = 12;
  string api_key = 13;
  map<string, string> headers = 14;
  map<string, string> metadata = 15;
  map<string, string> environment = 17;
}
message InterceptInfoSnapshot { repeated InterceptInfo intercepts = 1; }
message UpdateInterceptRequest {
  SessionInfo session = 1;
  string name = 2;
  oneof preview_domain_action { bool remove_preview_domain = 4; PreviewSpec add_preview_domain = 5; }
}
message CreateDomainRequest {
  string intercept_id = 1;
  bool display_banner = 2;
  InterceptSpec intercept_spec = 3;
  string host = 4;
  string pull_request_url = 5;
  map<string, string> add_request_headers = 6;
}
message VersionInfo2 { string version = 2; }
message CreateDomainResponse { string domain = 1; }
message RemoveDomainRequest { string domain = 1; }
message InterceptRemoval { string intercept_id = 1; }
message PreferredAgentResponse { string image_name = 1; }
message CommandMessageResponse { string intercept = 1; }
message IngressInfoRequest {
  string service_uid = 1;
  string service_name = 2;
  string service_port_identifier = 3;
  int32 service_port = 4;
  string namespace = 5;
}
`;

const root = protobuf.parse(SCHEMA).root.resolveAll();

/** Plain objects with the field names in camel case. */
export type Message = Readonly<Record<string, unknown>>;

export function encodeMessage(name: string, message: Message): Buffer {
  const type = root.lookupType(name);
  return Buffer.from(type.encode(type.fromObject(message)).finish());
}

export function decodeMessage(name: string, bytes: Uint8Array): Message {
  const type = root.lookupType(name);
  return type.toObject(type.decode(bytes), { defaults: true, longs: Number });
}

/** `message` with the length prefix of gRPC. */
export function framed(message: Buffer): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

/** A message whose only field is these bytes: `Chunk` and `ConnectionChunk`, which every byte passes through. */
export function encodeBytes(field: number, pieces: readonly Buffer[]): Buffer {
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
  if (length === 0) return Buffer.alloc(0);
  const head = [(field << 3) | 2];
  let rest = length;
  for (; rest >= 0x80; rest >>>= 7) head.push((rest & 0x7f) | 0x80);
  head.push(rest);
  return Buffer.concat([Buffer.from(head), ...pieces]);
}

/** Splits a byte stream into gRPC messages. */
export class MessageSplitter {
  private parts: Buffer[] = [];
  private bytes = 0;
  private needed = 5;

  constructor(private readonly onMessage: (message: Buffer) => void) {}

  push(bytes: Buffer): void {
    this.parts.push(bytes);
    this.bytes += bytes.length;
    while (this.bytes >= this.needed) {
      let whole = this.parts.length === 1 ? this.parts[0] : Buffer.concat(this.parts);
      this.parts = [whole];
      this.needed = 5 + whole.readUInt32BE(1);
      if (this.bytes < this.needed) return;
      const message = whole.subarray(5, this.needed);
      whole = whole.subarray(this.needed);
      this.parts = whole.length > 0 ? [whole] : [];
      this.bytes = whole.length;
      this.needed = 5;
      this.onMessage(message);
    }
  }
}
