import type { Team, User } from '@culvert/domain';
import { html } from '../../http/pages/html.js';
import type { Page } from '../../http/pages/pages.js';
import type { AuthorizationRequest } from './authorization-request.js';
import { hidden, teamChoice } from './consent-form.js';

/**
 * Returns the page that asks a person whether a program on their machine can act for them. The form repeats the
 * program's request.
 */
export function consentPage(request: AuthorizationRequest, user: User, teams: readonly Team[]): Page {
  const { program, redirectUri, codeChallenge, state } = request;
  const origin = redirectUri.slice(0, -'/callback'.length);
  return {
    title: `${program.name} asks to act for you`,
    // Browsers check the redirect after the form against the page's policy.
    formTargets: [origin],
    body: html`<p>
        ${program.name} on this computer, at <strong>${origin.replace('http://', '')}</strong>, asks to sign
        in as <strong>${user.email}</strong>.
      </p>
      <p>${program.purpose} Allow it only if you have just started this.</p>
      <form method="post" action="/auth">
        ${hidden('client_id', program.clientId)}${hidden('redirect_uri', redirectUri)}
        ${hidden('response_type', 'code')}${hidden('code_challenge', codeChallenge)}
        ${hidden('code_challenge_method', 'S256')}${state !== undefined && hidden('state', state)}
        ${teamChoice(teams)}
        <button name="decision" value="allow">Allow</button>
        <button class="quiet" name="decision" value="deny">Cancel</button>
      </form>`,
  };
}

/** Returns the page for a request that no known program makes. */
export function refusedPage(reason: string): Page {
  return {
    title: 'This program cannot sign in',
    status: 400,
    body: html`<p>${reason}</p>
      <p><a href="/">Back to Culvert</a></p>`,
  };
}

/** Returns the last page in the browser, after the program has its code. */
export function completionPage(isDockerDesktop: boolean): Page {
  return {
    title: 'You are signed in',
    body: html`<p>
      You can close this tab and go back to ${isDockerDesktop ? 'Docker Desktop' : 'your terminal'}.
    </p>`,
  };
}
