/** The bus did not accept the event: some or all processes will not receive it. */
export class EventNotPublishedError extends Error {
  readonly code = 'EVENT_NOT_PUBLISHED';
}
