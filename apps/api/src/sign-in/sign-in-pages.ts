import { html, type Html } from '../pages/html.js';
import type { Page } from '../pages/pages.js';

/** A way to sign in elsewhere: its place below `/sign-in/`, and what its button says. */
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

export function resetSentPage(): Page {
  return {
    title: 'Look into your mail',
    body: html`<p class="notice" role="status">
        If there is an account with this address, a link is on its way to it. It works once, for an hour.
      </p>
      <p><a href="/sign-in">Back to sign in</a></p>`,
  };
}

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
      <form method="post" action="/reset-password">
        <input type="hidden" name="token" value="${token}" />
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
        <button>Set the password</button>
      </form>`,
  };
}

export function resetExpiredPage(): Page {
  return {
    title: 'This link does not work any more',
    status: 404,
    body: html`<p>It was used, it is older than an hour, or a newer one was sent.</p>
      <p><a href="/reset-password">Ask for a new link</a></p>`,
  };
}

function message(notice: string | undefined, problem: string | undefined): Html {
  return html`${notice !== undefined && html`<p class="notice" role="status">${notice}</p>`}
  ${problem !== undefined && html`<p class="notice problem" role="alert">${problem}</p>`}`;
}
