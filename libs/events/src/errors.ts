/** The event was not taken: nobody, or not everybody, will hear of it. */
export class EventNotPublishedError extends Error {
  readonly code = 'EVENT_NOT_PUBLISHED';
}
