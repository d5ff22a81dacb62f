/** The fields of a preview's messages that pass with another value, or not at all. For people who watch it. */
import { Field, type RequestHead, type ResponseHead } from '@culvert/http1';
import { passes } from './header-rules.js';
import type { Route } from './route.js';

/** A field that the receiver gets with another value than its sender gave it. */
export interface FieldChange {
  readonly name: string;
  /** Null: the receiver does not get the field. */
  readonly value: string | null;
}

/** Fields that only the edge may decide about. Their absence changes how a browser sees the preview. */
const NOTABLE_DROPS: ReadonlySet<Field> = new Set<Field>([
  Field.SET_COOKIE,
  Field.CLEAR_SITE_DATA,
  Field.STRICT_TRANSPORT_SECURITY,
  Field.ALT_SVC,
]);

/** Returns the changed fields of a request that name the preview. */
export function requestChanges(request: RequestHead, { host, translator }: Route): FieldChange[] {
  const changes: FieldChange[] = [];
  for (let i = 0; i < request.count; i++) {
    const isHost = request.id(i) === Field.HOST && host !== '' && host !== request.host;
    const value = isHost ? host : (translator?.requestValue(request, i) ?? null);
    if (value !== null) changes.push({ name: request.name(i), value: value === '' ? null : value });
  }
  return changes;
}

/** Returns the changed fields of a response: those that name the target, and those that browsers must not get. */
export function responseChanges(response: ResponseHead, route: Route): FieldChange[] {
  const changes: FieldChange[] = [];
  for (let i = 0; i < response.count; i++) {
    const isPassed = passes(response, i, route);
    if (!isPassed && !NOTABLE_DROPS.has(response.id(i))) continue;
    const value = isPassed ? (route.translator?.responseValue(response, i) ?? null) : null;
    if (!isPassed || value !== null) changes.push({ name: response.name(i), value });
  }
  return changes;
}
