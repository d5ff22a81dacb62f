/** Styles of every page for people on the app host. Part of the page, so that one request shows it completely. */
export const STYLESHEET = `
:root { color-scheme: light dark; --text: #1c2430; --soft: #566173; --line: #c9d0da; --ground: #f4f6f9;
  --card: #fff; --accent: #1257c7; --on-accent: #fff; --bad: #a3161f; --bad-ground: #fdeced; --good-ground: #e8f5ec; }
@media (prefers-color-scheme: dark) { :root { --text: #e8ecf2; --soft: #a5b0c0; --line: #3d4755; --ground: #12161c;
  --card: #1b212a; --accent: #8ab6ff; --on-accent: #0c1420; --bad: #ff9aa0; --bad-ground: #3a1d21; --good-ground: #183223; } }
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: flex; flex-direction: column; align-items: center; padding: 8vh 1rem 2rem;
  font: 1rem/1.5 system-ui, sans-serif; color: var(--text); background: var(--ground); }
main { width: 100%; max-width: 26rem; padding: 1.75rem; background: var(--card); border: 1px solid var(--line); border-radius: .6rem; }
.brand { margin: 0 0 1rem; font-weight: 600; letter-spacing: .02em; color: var(--soft); }
h1 { margin: 0 0 .75rem; font-size: 1.35rem; line-height: 1.25; }
p { margin: 0 0 1rem; overflow-wrap: anywhere; }
a { color: var(--accent); }
label { display: block; margin: 0 0 1rem; font-weight: 500; }
input { display: block; width: 100%; margin-top: .25rem; padding: .55rem .65rem; font: inherit; color: inherit;
  background: var(--ground); border: 1px solid var(--soft); border-radius: .35rem; }
.choice { font-weight: 400; } .choice input { display: inline; width: auto; margin: 0 .4rem 0 0; }
button, .button { display: block; width: 100%; margin: 0 0 .75rem; padding: .6rem 1rem; font: inherit; font-weight: 600; text-align: center;
  text-decoration: none; cursor: pointer; color: var(--on-accent); background: var(--accent); border: 1px solid var(--accent); border-radius: .35rem; }
.quiet { color: var(--text); background: none; border-color: var(--soft); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
.notice { padding: .6rem .8rem; border-radius: .35rem; background: var(--good-ground); }
.problem { color: var(--bad); background: var(--bad-ground); }
.or { margin: 1.25rem 0 1rem; color: var(--soft); text-align: center; }
.soft { color: var(--soft); font-size: .9rem; }
dl { margin: 0 0 1rem; } dt { color: var(--soft); font-size: .9rem; } dd { margin: 0 0 .5rem; overflow-wrap: anywhere; }
`;
