/** Events as messages of Slack's incoming webhooks. */
import { webhookEvent, type WebhookEventBody } from '@culvert/contract';

/**
 * Returns the body for Slack.
 * @param payload JSON of an event
 */
export function slackMessage(payload: string, previewUrl: (hostname: string) => string): string {
  const event = webhookEvent.safeParse(JSON.parse(payload));
  // An event of a newer version of Culvert.
  const text = event.success ? sentenceOf(event.data, previewUrl) : 'Something changed in your team.';
  return JSON.stringify({ text });
}

function sentenceOf({ type, data }: WebhookEventBody, previewUrl: (hostname: string) => string): string {
  const link = (hostname: string): string => `<${escaped(previewUrl(hostname))}|${escaped(hostname)}>`;
  switch (type) {
    case 'preview.created':
      return `Preview created: ${link(data.hostname)}${by(data.actor)}`;
    case 'preview.changed':
      return `Preview changed: ${link(data.hostname)} (${escaped(data.changed.join(', '))})${by(data.actor)}`;
    case 'preview.expiring':
      return `Preview expires soon: ${link(data.hostname)}, ${time(data.expiresAt)}`;
    case 'preview.ended':
      return `Preview ended: ${escaped(data.hostname)} (${data.reason.replaceAll('_', ' ')})${by(data.actor)}`;
    case 'traffic-manager.up':
      return `Traffic manager connected: ${escaped(data.name || data.managerId)}`;
    case 'traffic-manager.down':
      return `Traffic manager disconnected: ${escaped(data.name || data.managerId)}`;
    case 'api-key.expiring':
      return `API key expires soon: ${escaped(data.name)}, ${time(data.expiresAt)}`;
    case 'member.joined':
      return `${escaped(data.name ?? 'A person')} joined the team`;
    case 'webhook.test':
      return `Test of the webhook ${escaped(data.name)}`;
    default:
      throw new Error(`unhandled event ${String(type satisfies never)}`);
  }
}

function by({ name }: { readonly name: string | null }): string {
  return name === null ? '' : ` by ${escaped(name)}`;
}

/** Slack shows the time in the zone of its reader. */
function time(at: string): string {
  return `<!date^${Math.floor(Date.parse(at) / 1000)}^{date_short_pretty} {time}|${at}>`;
}

/** Names come from people: without this, they could mention a channel or hide where a link leads. */
function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
