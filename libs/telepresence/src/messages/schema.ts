/**
 * The messages of Telepresence 2.0 to 2.14 that reach the cloud or are asked of a manager, by field number. A field that
 * is not listed is skipped whatever its wire type, which serves three purposes: numbers whose type changed between
 * versions cannot be misread (InterceptInfo 2), fields of later versions do no harm, and secrets are
 * never decoded (keys, environments and session ids in InterceptInfo).
 */
export const SCHEMA = `
syntax = "proto3";

message Empty {}

message VersionInfo {
  int32 api_version = 1;
  string version = 2;
  string executable = 3;
  string name = 4;
}

message VersionInfo2 { string version = 2; }

message IngressInfo {
  string host = 1;
  int32 port = 2;
  bool use_tls = 3;
  string l5host = 4;
}

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
  string service_uid = 12;
  string workload_kind = 13;
  string service_name = 14;
  repeated int32 extra_ports = 15;
  repeated string local_ports = 18;
  string service_port_name = 19;
  int32 service_port = 20;
  string protocol = 21;
}

message InterceptInfo {
  InterceptSpec spec = 1;
  int32 disposition = 3;
  string message = 4;
  string id = 5;
  string preview_domain = 7;
  PreviewSpec preview_spec = 9;
  string mechanism_args_desc = 12;
  map<string, string> headers = 14;
  map<string, string> metadata = 15;
}

message InterceptInfoSnapshot { repeated InterceptInfo intercepts = 1; }

message SessionInfo { string session_id = 1; }

message UpdateInterceptRequest {
  SessionInfo session = 1;
  string name = 2;
  bool remove_preview_domain = 4;
}

message CreateDomainRequest {
  string intercept_id = 1;
  bool display_banner = 2;
  InterceptSpec intercept_spec = 3;
  string host = 4;
  string pull_request_url = 5;
  map<string, string> add_request_headers = 6;
}

message CreateDomainResponse { string domain = 1; }
message RemoveDomainRequest { string domain = 1; }
message InterceptRemoval { string intercept_id = 1; }
message PreferredAgentResponse { string image_name = 1; }
message CommandMessageResponse { string intercept = 1; }

message ReviewInterceptResponse {
  int32 status = 1;
  string msg = 2;
}

message IngressInfoRequest {
  string service_uid = 1;
  string service_name = 2;
  string service_port_identifier = 3;
  int32 service_port = 4;
  string namespace = 5;
}

message DaemonInfo {
  string daemon_id = 1;
  string workstation_name = 2;
  string kube_context_name = 3;
  string session_id = 4;
  string cli_version = 5;
  string daemon_version = 6;
}

message Namespace {
  string uid = 1;
  string name = 2;
  bool is_default = 3;
}

message AvailableNamespacesRequest {
  DaemonInfo daemon_info = 1;
  repeated Namespace available_namespaces = 2;
}

message Port {
  string name = 1;
  int32 port = 2;
}

message Workload {
  string uid = 1;
  string kind = 2;
  string name = 3;
}

message Service {
  string uid = 1;
  string name = 2;
  string namespace = 3;
  repeated Port ports = 4;
  repeated Workload workloads = 5;
}

message AvailableServicesRequest {
  DaemonInfo daemon_info = 1;
  repeated Service available_services = 2;
}

message NamespacesToWatchRequest {
  DaemonInfo daemon_info = 1;
  repeated Namespace namespaces = 2;
}

message NamespacesToWatchResponse { repeated Namespace namespaces = 1; }

message InterceptParameter {
  string name = 1;
  string value = 2;
}

message Timestamp {
  int64 seconds = 1;
  int32 nanos = 2;
}

message InterceptCreationResult {
  string daemon_id = 1;
  Timestamp started_at = 2;
  Timestamp ended_at = 3;
  string intercept_base_name = 4;
  repeated InterceptParameter intercept_parameters = 5;
  string intercept_exec_command = 6;
  int32 intercept_error = 7;
  string intercept_error_text = 8;
  string cluster_id = 9;
  string cluster_namespace = 10;
}

message GetSavedInterceptRequest { string name = 1; }

message SavedIntercept {
  string telepresence_cli_version = 1;
  string telepresence_user_daemon_version = 2;
  string intercept_base_name = 3;
  repeated InterceptParameter intercept_parameters = 4;
  string intercept_exec_command = 5;
}

message AutocompleteSavedInterceptRequest { string to_complete = 1; }
message AutocompleteSavedInterceptsResponse { repeated string completions = 1; }
`;
