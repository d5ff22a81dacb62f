export { Announcer, type AnnouncerLog } from './announcer.js';
export { createEventBus, type EventBusOptions } from './create-event-bus.js';
export { EventNotPublishedError } from './errors.js';
export {
  bodiesTopic,
  type ClusterEvent,
  type EventBus,
  EXCHANGE_WATCH_MS,
  exchangesTopic,
  type Listening,
  watcherTopic,
} from './event-bus.js';
export { MalformedEventError } from './event-codec.js';
export { InProcessEventBus } from './in-process-event-bus.js';
export { RedisEventBus } from './redis-event-bus.js';
export {
  REPLAY_MS,
  REPLAY_OFFER_MS,
  type ReplayAnswer,
  replayAnswersTopic,
  type ReplayOffer,
  type ReplayOrder,
  replayOrdersTopic,
  type ReplayReport,
} from './replays.js';
export { MeasuredEventBus } from './measured-event-bus.js';
