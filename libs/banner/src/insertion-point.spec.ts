import { describe, expect, it } from 'vitest';
import { InsertionPoint } from './insertion-point.js';

const MARK = '[BANNER]';

/** Returns `page` with the mark where the banner would be, when the page comes in pieces cut at `cuts`. */
function placed(page: Buffer, cuts: readonly number[]): string {
  const point = new InsertionPoint();
  let output = '';
  let held = Buffer.alloc(0);
  const ends = [...cuts, page.length];
  let start = 0;
  for (const end of ends) {
    const piece = Buffer.concat([held, page.subarray(start, end)]);
    start = end;
    held = Buffer.alloc(0);
    if (point.isOver) {
      output += piece.toString('latin1');
      continue;
    }
    const at = point.scan(piece, 0, piece.length);
    if (at >= 0) {
      output += piece.toString('latin1', 0, at) + MARK + piece.toString('latin1', at);
    } else {
      output += piece.toString('latin1', 0, piece.length - point.heldBytes);
      held = piece.subarray(piece.length - point.heldBytes);
      expect(held.length).toBeLessThanOrEqual(13);
    }
  }
  return output + (point.isAtEnd ? MARK : '') + held.toString('latin1');
}

/** Each page with a `|` where its body begins. */
const PAGES: readonly (readonly [string, string])[] = [
  ['a plain page', '<!doctype html><html><head><title>t</title></head><body>|<p>x'],
  [
    'attributes and case',
    '<!DOCTYPE HTML>\n<HTML LANG=en><HEAD></HEAD>\n<BODY CLASS="a>b" data-x=\'>\' y=z>|hello',
  ],
  ['no body tag', '<!doctype html><title>t</title><link rel=x href=y>|<p>x</p>'],
  ['text at once', '|hello'],
  ['a mark of UTF-8', '\xef\xbb\xbf<!doctype html>|hi'],
  ['UTF-8 text without a mark', '<!doctype html>|\xef\xbb\xb0'],
  ['a body in a comment', '<!-- <body> --><body>|x'],
  ['a body in odd comments', '<!--><body>|x<!---->'],
  ['another odd comment', '<!---><body>|x'],
  ['a comment that a bang closes', '<!-- <body> --!><body>|x'],
  ['a comment that a bang does not close', '<!--!> <body> --><body>|x'],
  ['dashes in a comment', '<!-- -- -> <body> ---><body>|x'],
  ['a body in a bogus comment', '<!x <body><?x <body></ <body><body>|y'],
  ['a body in a doctype', '<!doctype html "<body "><body>|y'],
  ['a body in a title', '<title><body></titl></title><body>|y'],
  ['a body in a script', '<script>var a = "<body>";</script><body>|y'],
  ['a script in a script', '<script><!-- <script></script> <body> </script></script><body>|y'],
  ['a comment in a script that ends', '<script><!--><script></script><body>|y'],
  ['a comment in a script', '<script><!-- x --> <script></script><body>|y'],
  ['a body in a style', '<style a="</style>"><body></style ><body>|y'],
  ['a body in a noscript', '<noscript><body></noscript><body>|y'],
  ['a body in an attribute', '<html data-a="<body>" data-b=\'<body>\'><body>|y'],
  ['quotes that quote nothing', '<html a"=b "c="><body">|<p>'.replace('|<p>', '<body>|<p>')],
  ['an equals sign that begins a name', '<html ="><body>|x'],
  ['slashes in a tag', '<html/lang=a/b/><body/>|x'],
  ['a body in a template', '<template><body><p>x<template></template></template><body>|y'],
  ['raw text in a template', '<template><textarea></template></textarea>text</template><body>|y'],
  ['an end tag of a body', '<head></head>|</body></html>'],
  ['stray end tags', '</p></title></><body>|x'],
  ['an unknown element', '<html>|<my-element-with-a-long-name><body>'],
  ['a lone bracket', '<html> |< x'],
  ['a page that ends in its head', '<!doctype html><title>x</title>\n|'],
  ['frames', '<html><frameset><frame src=x></frameset></html>'],
  ['UTF-16', '\xff\xfe<\0b\0o\0d\0y\0>\0'],
  ['UTF-16 without a mark', '<\0b\0o\0d\0y\0>\0'],
  ['a script without end', '<script>var a = "<body>'],
  ['nothing', ''],
];

describe(InsertionPoint.name, () => {
  it.each(PAGES)('finds the body of %s, wherever the page is cut', (_what, marked) => {
    const expected = marked.replace('|', MARK);
    const page = Buffer.from(marked.replace('|', ''), 'latin1');
    expect(placed(page, [])).toBe(expected);
    for (let cut = 1; cut < page.length; cut++) {
      expect(placed(page, [cut]), `cut at ${cut}`).toBe(expected);
    }
    expect(
      placed(
        page,
        Array.from({ length: page.length }, (_, i) => i),
      ),
    ).toBe(expected);
  });
});
