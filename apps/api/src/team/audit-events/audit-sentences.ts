import type { AuditAction } from '@culvert/contract';
import type { AuditEvent } from '@culvert/domain';

/** The fields of an event that its sentence needs. */
export type ToldEvent = Pick<AuditEvent, 'actor' | 'targetId' | 'targetName' | 'before' | 'after'>;

type Sentence = (event: ToldEvent) => string;

/** What the actor did in each kind of event: the rest of a sentence that begins with the actor. */
const SENTENCES: Readonly<Record<AuditAction, Sentence>> = {
  'api-key.create': (event) => `created the key ${target(event)}`,
  'api-key.update': (event) => changed('the key', event),
  'api-key.rotate': (event) => `rotated the key ${target(event)}`,
  'api-key.revoke': (event) => `revoked the key ${target(event)}${because(event)}`,
  'intercept.create': (event) => `recorded the intercept ${target(event)}`,
  'intercept.update': (event) => changed('the intercept', event),
  'intercept.delete': (event) => `removed the intercept ${target(event)}`,
  'invitation.create': (event) => `invited ${target(event)}${as(event.after)}`,
  'invitation.renew': (event) => `renewed the invitation for ${target(event)}`,
  'invitation.revoke': (event) => `revoked the invitation for ${target(event)}`,
  'member.add': (event) =>
    isOneself(event)
      ? `joined the team${as(event.after)}`
      : `added ${target(event)} to the team${as(event.after)}`,
  'member.create': (event) => `added ${target(event)} to the team${as(event.after)}`,
  'member.update': (event) =>
    `changed the role of ${target(event)} from ${value(event.before, 'role')} to ${value(event.after, 'role')}`,
  'member.remove': (event) => (isOneself(event) ? 'left the team' : `removed ${target(event)} from the team`),
  'preview.create': (event) => `created the preview ${target(event)}`,
  'preview.update': (event) => changed('the preview', event),
  'preview.delete': (event) => `removed the preview ${target(event)}`,
  'preview.end': (event) =>
    `ended the preview ${target(event)}${END_REASONS[text(event.after, 'reason')] ?? ''}`,
  'preview.restore': (event) => `restored the preview ${target(event)}`,
  'preview.replay': (event) => `sent ${request(event) || 'a request'} to the preview ${target(event)}`,
  'preview.read-kept': (event) => `read kept requests of the preview ${target(event)}`,
  'preview.delete-kept': (event) => `deleted kept requests of the preview ${target(event)}`,
  'preview-token.create': (event) => `created the preview token ${target(event)}${onPreview(event.after)}`,
  'preview-token.revoke': (event) => `revoked the preview token ${target(event)}${onPreview(event.before)}`,
  'program.create': (event) => `gave ${target(event)} access to the team`,
  'program.end': (event) => `ended the access of ${target(event)} to the team`,
  'session.end': (event) => `ended the session of the traffic manager ${target(event)}`,
  'share-link.create': (event) => `created the share link ${target(event)}${onPreview(event.after)}`,
  'share-link.revoke': (event) => `revoked the share link ${target(event)}${onPreview(event.before)}`,
  'team.create': (event) => `created the team ${target(event)}`,
  'team.update': (event) => changed('the team', event),
  'traffic-manager.create': (event) => `added the traffic manager ${target(event)}`,
  'traffic-manager.update': (event) => changed('the traffic manager', event),
  'traffic-manager.delete': (event) => `removed the traffic manager ${target(event)}`,
  'traffic-manager.refuse': (event) =>
    `refused a traffic manager${ofCluster(event.after)}: the traffic manager ${target(event)}${ofCluster(event.before)} has the same ID`,
  'workload-identity.create': (event) => `created the workload identity ${target(event)}`,
  'workload-identity.update': (event) => changed('the workload identity', event),
  'workload-identity.delete': (event) => `deleted the workload identity ${target(event)}`,
  'workload-identity.sign-in': ({ after }) => `signed in${asSubject(after)}`,
  'workload-identity.refuse': (event) =>
    `refused a token${ofSubject(event.after)} for the workload identity ${target(event)}`,
  'user.sign-in': ({ after }) => `signed in${METHODS[text(after, 'method')] ?? ''}`,
  'user.sign-in-failed': (event) => `refused a sign-in as ${target(event)}: wrong password`,
  'user.sign-out': () => 'signed out',
  'user.change-password': () => 'changed their password',
  'user.change-password-failed': () => 'tried to change their password with a wrong current one',
  'user.reset-password': () => 'set a new password by a link',
  'user-session.end': () => 'signed out in one of their browsers',
  'webhook.create': (event) => `created the webhook ${target(event)}`,
  'webhook.update': (event) => changed('the webhook', event),
  'webhook.delete': (event) => `removed the webhook ${target(event)}`,
  'webhook.disable': (event) =>
    `disabled the webhook ${target(event)}${DISABLED_REASONS[text(event.after, 'reason')] ?? ''}`,
  'user-session.end-others': () => 'signed out in all their other browsers',
};

const METHODS: Readonly<Record<string, string>> = {
  password: ' with a password',
  oidc: ' at the OpenID provider',
  github: ' with GitHub',
};

const DISABLED_REASONS: Readonly<Record<string, string>> = {
  failing: ': it failed for three days',
  gone: ': its server answered that it is gone',
};

const END_REASONS: Readonly<Record<string, string>> = {
  expired: ': it had expired',
  unused: ': it was unused for too long',
};

/** Returns what the actor did, in words; the name of a kind that this version does not know. */
export function summaryOf({ action, ...event }: ToldEvent & Pick<AuditEvent, 'action'>): string {
  return SENTENCES[action as AuditAction]?.(event) ?? `did ${action} on ${target(event)}`;
}

function target({ targetId, targetName }: ToldEvent): string {
  return `"${targetName ?? targetId}"`;
}

/** Reports whether the actor is also the target. */
function isOneself({ actor, targetId }: ToldEvent): boolean {
  return actor.id === targetId;
}

/** `renamed the key "a" to "b"`, `changed access and the banner of the preview "shop.example"`. */
function changed(thing: string, event: ToldEvent): string {
  const { before, after } = event;
  const fields = Object.keys(after ?? {});
  if (before !== null && fields.length === 1 && fields[0] === 'name')
    return `renamed ${thing} ${value(before, 'name')} to ${value(after, 'name')}`;
  // Without previous values, everything is new.
  if (before === null || fields.length === 0 || fields.length > MAX_FIELDS)
    return `changed ${thing} ${target(event)}`;
  if (fields.length === 1) {
    const [field = ''] = fields;
    const [from, to] = [before[field], after?.[field]];
    if (isShort(from) && isShort(to))
      return `changed ${words(field)} of ${thing} ${target(event)} from ${value(before, field)} to ${value(after, field)}`;
  }
  return `changed ${LIST.format(fields.map(words))} of ${thing} ${target(event)}`;
}

const LIST = new Intl.ListFormat('en');
const MAX_FIELDS = 3;
const MAX_SHORT = 40;

function isShort(what: unknown): boolean {
  return (
    what === null ||
    what === undefined ||
    (typeof what !== 'object' && JSON.stringify(what).length <= MAX_SHORT)
  );
}

/** Names of fields that do not read as nouns. */
const FIELD_NAMES: Readonly<Record<string, string>> = {
  addRequestHeaders: 'added request headers',
  displayBanner: 'the banner',
  expiresAt: 'the expiry',
};

/** Returns `previewIdleExpiry` as people read it: `preview idle expiry`. */
function words(field: string): string {
  if (Object.hasOwn(FIELD_NAMES, field)) return FIELD_NAMES[field] ?? field;
  return field.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

function asSubject(fields: AuditEvent['after']): string {
  const subject = text(fields, 'subject');
  return subject === '' ? '' : ` as ${subject}`;
}

function ofSubject(fields: AuditEvent['after']): string {
  const subject = text(fields, 'subject');
  return subject === '' ? '' : ` of ${subject}`;
}

function as(fields: AuditEvent['after']): string {
  const role = text(fields, 'role');
  return role === '' ? '' : ` as ${role}`;
}

function onPreview(fields: AuditEvent['after']): string {
  const hostname = text(fields, 'hostname');
  return hostname === '' ? '' : ` of the preview ${hostname}`;
}

function request({ after }: ToldEvent): string {
  return `${text(after, 'method')} ${text(after, 'path')}`.trim();
}

function because({ after }: ToldEvent): string {
  const member = text(after, 'member');
  if (member !== '') return `: ${member} no longer has permission for it`;
  if (text(after, 'becauseOfApiKey') !== '') return ': the key that created it has ended';
  return text(after, 'becauseOfMember') === '' ? '' : ': its creator no longer has permission for it';
}

function value(fields: AuditEvent['before'], field: string): string {
  const found = fields?.[field];
  if (found === null || found === undefined) return 'none';
  if (typeof found !== 'string') return JSON.stringify(found);
  return field === 'role' ? found : `"${found}"`;
}

/** Returns the cluster of a traffic manager and the address that it connects from, as far as they were recorded. */
function ofCluster(fields: AuditEvent['before']): string {
  const clusterId = text(fields, 'clusterId');
  const address = text(fields, 'remoteAddress');
  return `${clusterId && ` of the cluster ${clusterId}`}${address && ` at ${address}`}`;
}

function text(fields: AuditEvent['before'], field: string): string {
  const found = fields?.[field];
  return typeof found === 'string' ? found : '';
}
