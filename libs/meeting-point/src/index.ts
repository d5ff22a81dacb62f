export { meetingPointUrl } from './address.js';
export { AgentLink, type AgentLinkOptions } from './agent-link.js';
export { ControlStream, type ControlStreamOwner } from './control-stream.js';
export {
  CLUSTER_PATH,
  CONTROL_INTERCEPT_ID,
  isControlTarget,
  type LinkEvents,
  streamTarget,
} from './link.js';
export {
  MeetingClient,
  MeetingError,
  type LocalTarget,
  type MeetingClientOptions,
} from './meeting-client.js';
export {
  type Announcement,
  agentLine,
  clientLine,
  DISPOSITIONS,
  type Disposition,
  describeIssues,
  firstLine,
  type InterceptDraft,
  interceptDraft,
  type InterceptInfo,
  type LookedFor,
  type ManagerToAgent,
  type ManagerToClient,
  type RefusalCode,
  type WorkloadInfo,
} from './messages.js';
export { checkClusterSecret, readManagerUrl } from './settings.js';
