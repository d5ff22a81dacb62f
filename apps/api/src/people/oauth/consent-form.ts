import type { Team } from '@culvert/domain';
import { html, type Html } from '../../http/pages/html.js';
import type { Page } from '../../http/pages/pages.js';

/** Returns the part of a form that names the team a program will act in, or lets people in several teams choose. */
export function teamChoice(teams: readonly Team[]): Html {
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

/** Returns a field that a form repeats. */
export function hidden(name: string, value: string): Html {
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
