import { describe, expect, it } from 'vitest';
import { cookieValue, maySetCookie, withoutReservedCookies } from './reserved-cookies.js';

const OURS = '__Host-culvert-preview';

describe('a Cookie field from a visitor', () => {
  it.each([
    ['a=1; b=2', null],
    [`${OURS}=x`, ''],
    [`a=1; ${OURS}=x; b=2`, 'a=1; b=2'],
    [`${OURS}=x; a=1`, 'a=1'],
    [`a="1, 2"  ;${OURS}=x;b==;;c`, 'a="1, 2"  ;b==;;c'],
    [`culvert-preview=1; __Host-culvert-nonce=2; culvert-session=3; a=\xe9`, 'a=\xe9'],
    ['a=1; culvert-banner=closed; __Host-culvert-banner=closed', 'a=1'],
    [`${OURS}=x; ${OURS}=y; \t${OURS} =z`, ''],
    [OURS, ''],
    [`a=1;;${OURS}=x`, 'a=1;'],
    [`a=culvert-x; ${OURS}=x; b=culvert-preview; culvert-nonce=1`, 'a=culvert-x; b=culvert-preview'],
    [`;culvert-preview=1;`, ';'],
    ['a=culvert-preview; culvert-preview-x=1; xculvert-preview=2', null],
    ['__host-culvert-preview=theirs', null],
  ])('%j is forwarded as %j (peers.md 4)', (field, left) => expect(withoutReservedCookies(field)).toBe(left));

  it.each([
    [`${OURS}=x`, 'x'],
    [`a=${OURS}=no; ${OURS}=yes`, 'yes'],
    [`x${OURS}=no;${OURS}=yes ; b`, 'yes'],
    [`${OURS}x=no`, null],
    [`${OURS}=x; a; ${OURS}=x`, null],
    [`${OURS}=x; a=${OURS}=y`, 'x'],
    [`a="; b`, null],
  ])('%j shows %j', (field, value) => expect(cookieValue(field, OURS)).toBe(value));
});

describe('a Set-Cookie of a service', () => {
  const host = 'a.preview.test';
  it.each([
    ['a=1; Path=/; Secure', true],
    ['a=1; Domain=a.preview.test', true],
    ['a=1; Domain=.A.preview.TEST', true],
    ['a=1; Domain=', true],
    ['a=1; Domain=preview.test', false],
    ['a=1; domain = .preview.test', false],
    ['a=1; Domain=a.preview.test; Domain=preview.test', false],
    ['a=1; Domain=preview.test; Domain=', false],
    ['a=1; Domain=b.preview.test', false],
    ['a=1; Domain=%70review.test', false],
    ['a=1; Domain=app.test', false],
    [`${OURS}=forged; Path=/; Secure`, false],
    ['__HOST-culvert-PREVIEW=forged', false],
    [' culvert-session = forged', false],
    ['__Host-culvert-banner=closed; Path=/; Secure', false],
    ['culvert-banner=closed', false],
    [`=${OURS}=forged`, false],
    [OURS, false],
    ['culvert-theme=dark', true],
    ['a=culvert-preview', true],
  ])('%j passes: %j (peers.md 10)', (cookie, passes) => expect(maySetCookie(cookie, host)).toBe(passes));
});
