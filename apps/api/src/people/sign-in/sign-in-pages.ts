import { html, type Html } from '../../http/pages/html.js';
import type { Page } from '../../http/pages/pages.js';

/** A provider button: its path below `/sign-in/`, and its label. */
export interface ProviderButton {
  readonly id: string;
  readonly name: string;
}

const MIN_PASSWORD = 8;
const MAX_PASSWORD = 256;

export function signInPage(options: {
  readonly back: string;
  readonly providers: readonly ProviderButton[];
  readonly email?: string;
  readonly notice?: string;
  readonly problem?: string;
  readonly status?: number;
}): Page {
  const { back, providers, email = '', notice, problem, status = 200 } = options;
  const query = back === '/' ? '' : `?return=${encodeURIComponent(back)}`;
  return {
    title: 'Sign in',
    status,
    body: html`${message(notice, problem)}
      <form method="post" action="/sign-in">
        <input type="hidden" name="return" value="${back}" />
        <label>
          Email
          <input
            type="email"
            name="email"
            value="${email}"
            autocomplete="username"
            required
            maxlength="254"
          />
        </label>
        <label>
          Password
          <input
            type="password"
            name="password"
            autocomplete="current-password"
            required
            maxlength="${MAX_PASSWORD}"
          />
        </label>
        <button>Sign in</button>
      </form>
      <p><a href="/reset-password">Forgot your password?</a></p>
      ${providers.length > 0 && html`<p class="or">or</p>`}
      ${providers.map(
        ({ id, name }) =>
          html`<a class="button quiet" href="/sign-in/${id}${query}">Sign in with ${name}</a>`,
      )}`,
  };
}

export function askResetPage(options: { readonly problem?: string; readonly status?: number } = {}): Page {
  return {
    title: 'Set a new password',
    status: options.status ?? 200,
    body: html`${message(undefined, options.problem)}
      <form method="post" action="/reset-password">
        <label>
          Email
          <input type="email" name="email" autocomplete="username" required maxlength="254" />
        </label>
        <button>Send me a link</button>
      </form>
      <p><a href="/sign-in">Back to sign in</a></p>`,
  };
}

/** @param isMailed false: this server sends no mail, and the link is in its log */
export function resetSentPage({ isMailed }: { readonly isMailed: boolean }): Page {
  return {
    title: isMailed ? 'Check your mail' : 'Ask the operator for your link',
    body: html`<p class="notice" role="status">
        ${
          isMailed
            ? 'If there is an account with this address, we sent a link to it. It works once, for an hour.'
            : 'This server does not send mail. If there is an account with this address, a link to set a new ' +
              'password is now in the server’s log. The person who runs the server can copy it for you. It works ' +
              'once, for an hour.'
        }
      </p>
      <p><a href="/sign-in">Back to sign in</a></p>`,
  };
}

/** Form field with which a person also ends everything else with their permissions. */
export const END_ACCESS = 'endAccess';

export function newPasswordPage(options: {
  readonly token: string;
  readonly email: string;
  readonly problem?: string;
}): Page {
  const { token, email, problem } = options;
  return {
    title: 'Set a new password',
    status: problem === undefined ? 200 : 400,
    body: html`${message(undefined, problem)}
    ${newPasswordForm({
      action: '/reset-password',
      hidden: { token },
      email,
      button: 'Set password',
      more: html`<label class="choice">
        <input type="checkbox" name="${END_ACCESS}" value="yes" />
        Also revoke my API keys and the access of my programs, in all my teams. Choose this if someone else
        may know the old password. All your browsers are signed out either way.
      </label>`,
    })}`,
  };
}

export function newPasswordForm(options: {
  readonly action: string;
  readonly hidden: Readonly<Record<string, string>>;
  readonly email: string;
  readonly button: string;
  /** Markup below the password. */
  readonly more?: Html;
}): Html {
  const { action, hidden, email, button, more } = options;
  return html`<form method="post" action="${action}">
    ${Object.entries(hidden).map(
      ([name, value]) => html`<input type="hidden" name="${name}" value="${value}" />`,
    )}
    <p>For ${email}</p>
    <input type="hidden" name="username" value="${email}" autocomplete="username" />
    <label>
      New password, at least ${MIN_PASSWORD} characters
      <input
        type="password"
        name="password"
        autocomplete="new-password"
        required
        minlength="${MIN_PASSWORD}"
        maxlength="${MAX_PASSWORD}"
      />
    </label>
    ${more}
    <button>${button}</button>
  </form>`;
}

export function resetExpiredPage(): Page {
  return {
    title: 'This link no longer works',
    status: 404,
    body: html`<p>It was already used, is older than an hour, or was replaced by a newer one.</p>
      <p><a href="/reset-password">Request a new link</a></p>`,
  };
}

export function message(notice: string | undefined, problem: string | undefined): Html {
  return html`${notice !== undefined && html`<p class="notice" role="status">${notice}</p>`}
  ${problem !== undefined && html`<p class="notice problem" role="alert">${problem}</p>`}`;
}
