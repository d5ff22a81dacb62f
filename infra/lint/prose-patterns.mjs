/**
 * Wordings that have to be read twice, and what to write instead. One list for comments, test names, product text and docs:
 * `prose.mjs` reads source files with it, `prose-docs.mjs` reads Markdown.
 */

/**
 * `name`: what a report calls it. `pattern`: finds it in running text, or at the start of a comment when `atStart` is set.
 * `advice`: ends the message. `wrong` and `right`: an example of each, which the tests check.
 */
export const PATTERNS = [
  {
    name: 'fragment',
    atStart: true,
    pattern: /^(Of|Whom|Whose|Whoever|Who|Which|With what|From what|As what|To whom) (?!course\b)/,
    advice: 'begin with a noun ("Traffic of …") or a verb ("Returns …")',
    wrong: 'Of routes that are not used.',
    right: 'Traffic of routes that are not used.',
  },
  {
    name: 'most',
    atStart: true,
    pattern:
      /^Most (?:bytes|characters|items|fields|rows|streams|connections|previews|records|events|requests)(?: \w+)? (?:of|that|which|in|held|open|sent)\b/,
    advice: 'write "Maximum number of …": "Most" reads as a majority',
    wrong: 'Most bytes of one body.',
    right: 'Most services send a length.',
  },
  {
    name: 'negated noun',
    pattern:
      /(?<!\b(?:there|There|here|it|This|this) )\b(?:is|are|was|were) no (?!longer\b|more than\b|less than\b|later than\b|larger than\b|\w+er than\b)\w+/,
    advice: 'negate the verb: "is not a …"',
    wrong: 'A key is no person.',
    right: 'A key is not a person. There is no key. It is no longer used. It is no longer than 4 KiB.',
  },
  {
    name: 'look whether',
    pattern: /\b[Ll]ook(?:s|ed|ing)? (?:whether|if|that)\b/,
    advice: 'write "check that" or "check whether"',
    wrong: 'Look whether the server is running.',
    right: 'Check that the server is running.',
  },
  {
    name: 'telling program',
    pattern:
      /\b(?:tells?|told) (?:of|about)\b|\b(?:hears?|heard) (?:of|from|about)\b|\b(?:is|are|was|were|been|being) told\b/,
    advice: 'programs receive, send, return, report or log',
    wrong: 'The edge is told of a change.',
    right: 'The edge receives a change and reports it. The response tells which.',
  },
  {
    name: 'no more',
    pattern: /\bno more(?=[.,;:!?)]|$)|\bany ?more\b/,
    advice: 'write "no longer" before the verb',
    wrong: 'The URL answers no more. It is not used any more.',
    right: 'The URL no longer answers. There are no more pages than that. At most ten more.',
  },
  {
    name: 'for ever',
    pattern: /\b[Ff]or ever\b/,
    advice: 'write "forever"',
    wrong: 'It waits for ever.',
    right: 'It waits forever.',
  },
  {
    name: 'in vain',
    pattern: /\b[Ii]n vain\b/,
    advice: 'say what happens: "without effect", "and fails"',
    wrong: 'It was woken in vain.',
    right: 'A spurious wake-up.',
  },
  {
    name: 'go on',
    pattern: /\b(?:[Gg]o|[Gg]oes|[Ww]ent|[Gg]oing) on\b(?! (?:to|the|a|an|port)\b)/,
    advice: 'write "continue" or "resume"',
    wrong: 'The transfer goes on.',
    right: 'The transfer continues. The mark goes on the line.',
  },
  {
    name: 'is to be',
    pattern: /\b(?:is|are|was|were) to be (?:seen|had|found|done|read|told|shown|known|kept|made)\b/,
    advice: 'write "must be …", "can be …" or "appears"',
    wrong: 'The traffic is to be seen here.',
    right: 'The traffic appears here.',
  },
  {
    name: 'double negation',
    pattern:
      /\b(?:[Nn]othing|[Nn]obody|[Nn]one|[Nn]o one|[Nn]ever|[Nn]ot) (?:(?!if\b|when\b|unless\b)[\w'’-]+ ){0,3}?(?:nothing|nobody|never|none|no one)\b/,
    advice: 'say it positively',
    wrong: 'No one sees nothing of it.',
    right: 'Everybody sees it. Nothing changes, never mind how often. Does nothing if there is none.',
  },
  {
    name: 'whoever',
    pattern: /\b(?:[Ww]hoever|[Ww]homever)\b/,
    advice: 'name the actor: a visitor, a caller, a member',
    wrong: 'For whoever has the secret.',
    right: 'For callers that have the secret.',
  },
  {
    name: 'give back',
    pattern: /\b(?:gives?|gave|given|giving) (?:it |them )?back\b/,
    advice: 'write "returns" or "releases"',
    wrong: 'It gives the slot back. The slot is given back.',
    right: 'It returns the slot. It releases the slot.',
  },
  {
    name: 'clumsy relative clause',
    pattern:
      /\b(?:what becomes of|as (?:it lies|they lie)|no one of (?:them|which)|who(?:soever)? it may be)\b/i,
    advice: 'name the thing: "the outcome of", "without a copy"',
    wrong: 'It records what becomes of a stream.',
    right: 'It records the outcome of a stream.',
  },
  {
    name: 'nobody',
    pattern: /\b(?:[Nn]obody|[Ss]omebody|[Aa]nybody)(?! else’s)\b(?!@)/,
    advice: 'name the actor: a visitor, a caller, an edge; for people "no one", "someone", "anyone"',
    wrong: 'Nobody waits for it.',
    right: 'No caller waits for it. No one is signed in.',
  },
  {
    name: 'British spelling',
    pattern:
      /\b\w*(?:uthoris|rganis|ecognis|nitialis|erialis|ormalis|inimis|ptimis|ynchronis)(?:e|es|ed|er|ing|ation)\b|\b[Cc]olou?rs?\b(?<!color|colors|Color|Colors)|\b[Dd]ialler\b|\b[Cc]ancell(?:ed|ing)\b|\b[Bb]ehaviours?\b|\b[Ll]icence\b|\b[Cc]entre\b/,
    advice: 'American spelling, one spelling a word',
    wrong: 'An authorised dialler was cancelled.',
    right: 'An authorized dialer was canceled. A color. The cancellation.',
  },
];

/**
 * Returns the findings in one piece of text.
 * @param {string} text a comment, a test name, a product string or a paragraph, in one line
 * @param {boolean} isComment whether the text is a whole comment, which may not begin with a fragment
 * @returns {{ name: string, found: string, advice: string }[]}
 */
export function findWordings(text, isComment = false) {
  const found = [];
  // Code in backticks and quoted words are not the writer's.
  const prose = text.replaceAll(/`[^`]*`|"[^"]*"|“[^”]*”/g, '``');
  for (const { name, pattern, advice, atStart } of PATTERNS) {
    if (atStart && !isComment) continue;
    const match = pattern.exec(prose);
    if (match !== null) found.push({ name, found: match[0], advice });
  }
  return found;
}
