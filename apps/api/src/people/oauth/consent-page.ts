import type { Team, User } from '@culvert/domain';
import { html, type Html } from '../../http/pages/html.js';
import type { Page } from '../../http/pages/pages.js';
import type { AuthorizationRequest } from './authorization-request.js';

/**
 * Returns the page that asks a person whether a program on their machine can act for them. The form repeats the
 * program's request.
 */
export function consentPage(request: AuthorizationRequest, user: User, teams: readonly Team[]): Page {
  const { program, redirectUri, codeChallenge, state } = request;
  const origin = redirectUri.slice(0, -'/callback'.length);
  return {
    title: `Let ${program.name} act for you?`,
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

function teamChoice(teams: readonly Team[]): Html {
  const [only] = teams;
  if (only !== undefined && teams.length === 1) {
    return html`<p>In the team <strong>${only.name}</strong>.</p>
      ${hidden('team', only.id)}`;
  }
  const options = teams.map(({ id, name }) => html`<option value="${id}">${name}</option>`);
  return html`<p>
    <label for="team">In the team</label
    ><select id="team" name="team">
      ${options}
    </select>
  </p>`;
}

function hidden(name: string, value: string): Html {
  return html`<input type="hidden" name="${name}" value="${value}" />`;
}

/** Page for people without a team, for whom a program cannot act. */
export const NO_TEAM_PAGE: Page = {
  title: 'You are not in a team',
  status: 403,
  body: html`<p>
      A program needs a team to act for you in. Ask an owner or admin of a team to invite you, then sign in
      again from the program.
    </p>
    <p><a href="/">Back to Culvert</a></p>`,
};

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
