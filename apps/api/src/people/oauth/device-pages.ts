import { isIP } from 'node:net';
import type { Team, User } from '@culvert/domain';
import { networkOf } from '@culvert/sockets';
import { html, type Html } from '../../http/pages/html.js';
import type { Page } from '../../http/pages/pages.js';
import { hidden, teamChoice } from './consent-form.js';
import type { PendingDevice } from './device-authorization.service.js';

export interface CodePageOptions {
  readonly problem?: string;
  /** Code in its usual form that the page fills in; null for none. */
  readonly userCode?: string | null;
}

/** Returns the page where people enter the code that their machine shows. */
export function codePage({ problem, userCode = null }: CodePageOptions = {}): Page {
  return {
    title: 'Sign in on a machine',
    status: problem === undefined ? 200 : 400,
    body: html`${problem !== undefined && html`<p class="notice problem" role="alert">${problem}</p>`}
      <p>Enter the code that <code>culvert login</code> shows on the machine.</p>
      <form method="get" action="/device">
        <label for="user_code"
          >Code<input
            id="user_code"
            name="user_code"
            value="${userCode ?? ''}"
            required
            maxlength="32"
            placeholder="XXXX-XXXX"
            autocomplete="off"
            autocapitalize="characters"
            spellcheck="false"
        /></label>
        <button>Continue</button>
      </form>`,
  };
}

export const UNKNOWN_CODE =
  'This code does not work. Codes work once, for ten minutes. Check it for typing mistakes, or run culvert login again.';

/** The person who sees the page, and their browser. */
export interface Viewer {
  readonly user: User;
  readonly teams: readonly Team[];
  /** Address of their browser; null if it is unknown. */
  readonly address: string | null;
  readonly now: Date;
}

/** Returns the page that asks a person whether the program on the machine with this code can act for them. */
export function devicePage({ userCode, program, request }: PendingDevice, viewer: Viewer): Page {
  const { user, teams, now } = viewer;
  return {
    title: `${program.name} asks to act for you`,
    body: html`<p>
        ${program.name} on another machine asks to sign in as <strong>${user.email}</strong>.
        ${program.purpose}
      </p>
      <dl>
        <dt>Code</dt>
        <dd><strong>${userCode}</strong></dd>
        <dt>Machine, by its own account</dt>
        <dd>${request.deviceName ?? 'It gave no name'}</dd>
        <dt>Address</dt>
        <dd>${request.address ?? 'Unknown'}${addressNote(request.address, viewer.address)}</dd>
        <dt>Time</dt>
        <dd>${ago(request.createdAt, now)} (${utc(request.createdAt)})</dd>
      </dl>
      <p class="notice problem">
        Allow it only if you see this code on your own machine, where you have just started this. If someone
        sent you the code or a link, cancel: they would act with your permissions.
      </p>
      <form method="post" action="/device">
        ${hidden('user_code', userCode)}${teamChoice(teams)}
        <button name="decision" value="allow">Allow</button>
        <button class="quiet" name="decision" value="deny">Cancel</button>
      </form>`,
  };
}

/** Page after a person refused. */
export const DENIED_PAGE: Page = {
  title: 'The machine was not signed in',
  body: html`<p>
      You refused the request, and its code no longer works. If you did not start it yourself, someone may
      have tried to act with your permissions.
    </p>
    <p><a href="/">Back to Culvert</a></p>`,
};

/**
 * Returns a note on whether the machine is where the browser is: a request from elsewhere may be an attacker's. A machine
 * can use IPv4 where its browser uses IPv6, so addresses of different families show nothing.
 */
function addressNote(asked: string | null, browser: string | null): Html | null {
  if (asked === null || browser === null) return null;
  let note = `This browser has the address ${browser}.`;
  if (networkOf(asked) === networkOf(browser)) note = 'The same network as this browser.';
  else if (isIP(asked) === isIP(browser))
    note = `Not the network of this browser, whose address is ${browser}.`;
  return html`<br /><span class="soft">${note}</span>`;
}

function ago(at: Date, now: Date): string {
  const minutes = Math.max(0, Math.floor((now.getTime() - at.getTime()) / 60_000));
  if (minutes === 0) return 'Less than a minute ago';
  return minutes === 1 ? 'A minute ago' : `${minutes} minutes ago`;
}

function utc(at: Date): string {
  return `${at.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}
