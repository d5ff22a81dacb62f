import { html, type Html } from './html.js';
import type { Identity } from './exchange.js';

const ENDPOINTS: readonly (readonly [href: string, label: string, what: string])[] = [
  ['/headers', '/headers', 'the request headers that this service received'],
  ['/cookies', '/cookies', 'set, return and delete cookies'],
  ['/request', '/request', 'any method: the request, and the size and digest of its body, as JSON'],
  ['/bytes/1048576', '/bytes/:n', 'n bytes, at most 4 GiB'],
  ['/status/404', '/status/:code', 'a response with that status, 200 to 599'],
  ['/slow?ms=2000', '/slow?ms=', 'a delayed response, at most a minute'],
  ['/chunked', '/chunked?chunks=&ms=', 'a chunked response with a trailer'],
  ['/early-hints', '/early-hints', 'a 103 before the final response'],
];

export function homePage(identity: Identity): Html {
  return layout(identity, {
    title: identity.name,
    subtitle: 'A small service that shows everything a preview URL has to carry.',
    script: true,
    sections: html`
      <section class="wide">
        <h2>At a glance</h2>
        <ul class="checks">
          <li data-check="style">style sheet</li>
          <li data-check="script">script module</li>
          <li data-check="emblem">SVG picture</li>
          <li data-check="squares">PNG picture</li>
          <li data-check="clock">server-sent events</li>
          <li data-check="echo">WebSocket</li>
        </ul>
      </section>
      <section>
        <h2>Form</h2>
        <form method="post" action="/form">
          <label>Name <input name="name" maxlength="200" autocomplete="off" required /></label>
          <label>Message <textarea name="message" rows="3" maxlength="2000"></textarea></label>
          <button>Post</button>
        </form>
      </section>
      <section>
        <h2>File upload</h2>
        <form id="upload-form">
          <label>File <input type="file" name="file" required /></label>
          <button>Upload</button>
        </form>
        <p><progress id="upload-bar" value="0" max="1" aria-label="Upload"></progress></p>
        <output id="upload-result"></output>
      </section>
      <section>
        <h2>Clock</h2>
        <p class="time" id="clock-time">--:--:--</p>
        <output id="clock-note">waiting for the first event …</output>
      </section>
      <section>
        <h2>WebSocket echo</h2>
        <form id="echo-form">
          <label
            >Message (<code>close 4000 bye</code> closes it) <input name="message" maxlength="2000" required
          /></label>
          <button>Send</button>
        </form>
        <output id="echo-log"></output>
      </section>
      <section>
        <h2>Pictures</h2>
        <p class="pictures">
          <img id="emblem" src="/assets/emblem.svg" alt="An emblem" />
          <img id="squares" src="/assets/squares.png" alt="Colored squares" />
        </p>
      </section>
      ${endpointList()}
    `,
  });
}

function endpointList(): Html {
  return html`
    <section class="wide">
      <h2>Endpoints</h2>
      <dl>
        ${ENDPOINTS.map(
          ([href, label, what]) =>
            html`<div>
              <dt><a href="${href}">${label}</a></dt>
              <dd>${what}</dd>
            </div>`,
        )}
      </dl>
    </section>
  `;
}

/** Returns a page with a table of names and values, and optional content after it. */
export function tablePage(
  identity: Identity,
  page: {
    readonly title: string;
    readonly subtitle: string;
    readonly rows: readonly (readonly [name: string, value: string])[];
    readonly after?: Html;
  },
): Html {
  const rows =
    page.rows.length === 0
      ? html`<tr>
          <td>nothing</td>
        </tr>`
      : page.rows.map(
          ([name, value]) =>
            html`<tr>
              <th>${name}</th>
              <td>${value}</td>
            </tr>`,
        );
  return layout(identity, {
    ...page,
    script: false,
    sections: html`
      <section class="wide">
        <div class="scroll">
          <table>
            ${rows}
          </table>
        </div>
      </section>
      ${page.after ?? html``}
    `,
  });
}

export function errorPage(identity: Identity, status: number, message: string): Html {
  return layout(identity, { title: String(status), subtitle: message, script: false, sections: html`` });
}

/** Forms that set and delete cookies. */
export function cookieForms(): Html {
  return html`
    <section class="wide">
      <form method="post" action="/cookies">
        <label>Name <input name="name" pattern="[A-Za-z0-9_-]+" maxlength="64" required /></label>
        <label>Value <input name="value" maxlength="200" /></label>
        <button>Set</button>
      </form>
    </section>
    <section class="wide">
      <form method="post" action="/cookies"><button name="forget" value="all">Forget all</button></form>
    </section>
  `;
}

function layout(
  { name }: Identity,
  page: {
    readonly title: string;
    readonly subtitle: string;
    readonly script: boolean;
    readonly sections: Html;
  },
): Html {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${page.title === name ? name : `${page.title} · ${name}`}</title>
        <link rel="icon" href="/assets/emblem.svg" />
        <link rel="stylesheet" href="/assets/theme.css" />
        <link rel="stylesheet" href="/assets/style.css" />
        ${page.script ? html`<script type="module" src="/assets/page.js"></script>` : html``}
      </head>
      <body>
        <header>
          <img src="/assets/emblem.svg" alt="" />
          <div>
            <h1>${page.title}</h1>
            <p>${page.subtitle}</p>
          </div>
        </header>
        <main>${page.sections}</main>
        <footer>${page.title === name ? html`Answered by ${name}` : html`<a href="/">${name}</a>`}</footer>
      </body>
    </html> `;
}
