import type { PullRequestComment } from '@culvert/domain';

const MAX_NAME_LENGTH = 80;

/** Returns the text, hidden at the beginning of a comment about this preview, by which the comment is found again. */
export function markerOf({ previewId }: Pick<PullRequestComment, 'previewId'>): string {
  return `culvert-preview:${previewId}`;
}

/** Returns what people see of the comment, in Markdown. */
export function commentText(comment: PullRequestComment, url: string): string {
  const { workload, namespace, client, isLive, expiresAt } = comment;
  const service = name(workload) === '' ? 'a service' : code(workload);
  const what = `Preview of ${service}${name(namespace) === '' ? '' : ` in ${code(namespace)}`}`;
  if (!isLive) return `~~${what}~~\n\nThis preview has ended.\n`;
  const lines = [
    `**${what}**`,
    '',
    url,
    '',
    ...(name(client) === '' ? [] : [`Shared by ${code(client)}.`]),
    ...(expiresAt === null ? [] : [`Ends ${expiresAt.toISOString().slice(0, 16).replace('T', ' ')} UTC.`]),
  ];
  return `${lines.join('\n').trimEnd()}\n`;
}

/** Returns a code span, in which markup, mentions and links have no effect; only a backtick could end it. */
function code(text: string): string {
  return `\`${name(text)}\``;
}

function name(text: string): string {
  return text
    .replace(/[`\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\s]+/gu, ' ')
    .slice(0, MAX_NAME_LENGTH)
    .replace(/[\ud800-\udbff]$/, '')
    .trim();
}
