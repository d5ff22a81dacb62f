/**
 * The banner that marks pages of a preview. It is ASCII only, so that it reads the same in every encoding that contains
 * ASCII. It lies in a shadow tree that the parser attaches, so that the page's styles and scripts do not affect it by
 * accident, and it needs no scripts: the form of a dialog closes it, and an image that only a closed dialog shows reports
 * the closing.
 */
import { createHash } from 'node:crypto';

/** Contents of the banner. A cluster, or anyone who can write to it, may have supplied them: none is trusted. */
export interface BannerDefinition {
  readonly workload: string;
  readonly namespace: string;
  /** Name of the person who shares the preview, or empty. */
  readonly client: string;
  readonly pullRequestUrl: string | null;
  /** Whether requests and responses are kept for the team, which visitors have to know. */
  readonly isKept: boolean;
  /** How visitors reach the preview; decides the name of the cookie that remembers a closed banner. */
  readonly scheme: 'http' | 'https';
}

/** How the banner is closed on a page: not every way works under every policy. */
export interface Closing {
  /** Where forms are forbidden, a command closes it, in browsers that support button commands. */
  readonly by: 'form' | 'command';
  /** Whether the browser reports the closing, by a request for `BANNER_CLOSED_PATH`, so that the banner stays closed. */
  readonly isRemembered: boolean;
}

/** Path on a preview's host. Its response sets the cookie of visitors who closed the banner. */
export const BANNER_CLOSED_PATH = '/.culvert/banner-closed';

/** Limit of characters of one name; the rest is cut off. */
const MAX_NAME_LENGTH = 80;

/** On pages whose markup forbids styles, the browser shows its default dialog. */
const STYLE =
  ':host{all:initial!important;display:block!important}' +
  'dialog{all:initial;position:fixed;z-index:2147483647;inset:auto 0 12px 0;margin:auto;box-sizing:border-box;' +
  'width:max-content;max-width:calc(100% - 24px);display:flex;align-items:center;gap:4px 12px;padding:4px 4px 4px 14px;' +
  'border:1px solid #767676;border-radius:8px;color-scheme:light dark;background:Canvas;color:CanvasText;' +
  'font:13px/1.4 system-ui,sans-serif;overflow-wrap:anywhere}' +
  'dialog:not([open]){display:none}p{margin:0}b{font-weight:600}a{color:LinkText}form{margin:0}' +
  'button{all:unset;box-sizing:border-box;min-width:28px;min-height:28px;text-align:center;cursor:pointer;border-radius:6px}' +
  'a:focus-visible,button:focus-visible{outline:2px solid Highlight;outline-offset:1px}' +
  'button:hover{background:ButtonFace}' +
  'i{display:none}dialog:not([open])+i{display:block;position:fixed;width:1px;height:1px;pointer-events:none;' +
  `background:url(${BANNER_CLOSED_PATH})}` +
  '@media print{:host{display:none!important}}';

/** The source expression that allows the banner's style element in a Content-Security-Policy. */
export const STYLE_SOURCE = `'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`;

/** The banner's markup, in ASCII. */
export function bannerHtml(
  { workload, namespace, client, pullRequestUrl, isKept }: Omit<BannerDefinition, 'scheme'>,
  { by, isRemembered }: Closing,
): string {
  const place = name(namespace) === '' ? '' : ` in ${strong(namespace)}`;
  const sharer = name(client) === '' ? '' : `, shared by ${strong(client)}`;
  const link = isWebUrl(pullRequestUrl)
    ? ` <a href="${escape(pullRequestUrl)}" target="_blank" rel="noopener noreferrer nofollow">Pull request</a>`
    : '';
  const service = name(workload) === '' ? 'a service' : strong(workload);
  return (
    `<culvert-banner><template shadowrootmode="open"><style>${STYLE}</style>` +
    '<dialog id="banner" open lang="en" dir="ltr" aria-label="About this preview">' +
    `<p>Preview of ${service}${place}${sharer}.${isKept ? KEPT : ''}${link}</p>` +
    `${CLOSE[by]}</dialog>${isRemembered ? '<i></i>' : ''}</template></culvert-banner>`
  );
}

const KEPT = ' The team keeps a record of requests.';

const CLOSE: Readonly<Record<Closing['by'], string>> = {
  form: '<form method="dialog"><button aria-label="Close" title="Close">&times;</button></form>',
  command:
    '<button type="button" commandfor="banner" command="close" aria-label="Close" title="Close">&times;</button>',
};

function strong(text: string): string {
  return `<b><bdi>${escape(name(text))}</bdi></b>`;
}

/** Returns `text` on one line, shortened, and without control characters or those that change the text direction. */
function name(text: string): string {
  const plain = text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\s]+/gu, ' ').trim();
  if (plain.length <= MAX_NAME_LENGTH) return plain;
  return `${plain.slice(0, MAX_NAME_LENGTH - 1).replace(/[\ud800-\udbff]$/, '')}\u2026`;
}

/** Escapes all but plain letters, digits and a few harmless characters as character references. */
function escape(text: string): string {
  return text.replace(/[^A-Za-z0-9 ._:/?=@#%+,~-]/gu, (character) => `&#${character.codePointAt(0)};`);
}

function isWebUrl(url: string | null): url is string {
  return url !== null && /^https?:\/\//i.test(url) && URL.canParse(url);
}
