import { describe, expect, it } from 'vitest';
import { allowsForms, allowsOwnImage, allowStyle } from './content-security-policy.js';

const S = "'sha256-x'";

describe(allowStyle.name, () => {
  it.each([
    ["default-src 'none'", `default-src 'none'; style-src-elem ${S}`],
    [
      "default-src 'self'; script-src 'self';",
      `default-src 'self'; script-src 'self'; style-src-elem 'self' ${S}`,
    ],
    ["style-src 'self'; default-src 'none'", `style-src 'self' ${S}; default-src 'none'`],
    ["default-src *; STYLE-SRC 'NONE'", `default-src *; style-src ${S}`],
    ['style-src', `style-src ${S}`],
    ["style-src 'self'; style-src-elem 'nonce-a'", `style-src 'self'; style-src-elem 'nonce-a' ${S}`],
    ["style-src 'self' 'unsafe-inline'", null],
    ["default-src 'self' 'unsafe-inline'", null],
    ["style-src 'unsafe-inline' 'nonce-a'", `style-src 'unsafe-inline' 'nonce-a' ${S}`],
    ["style-src 'unsafe-inline' 'sha384-a'", `style-src 'unsafe-inline' 'sha384-a' ${S}`],
    ["style-src a; style-src 'unsafe-inline'", `style-src a ${S}; style-src 'unsafe-inline'`],
    ["script-src 'none'; frame-ancestors 'none'", null],
    ["script-src 'self', default-src 'none'", `script-src 'self', default-src 'none'; style-src-elem ${S}`],
    ['', null],
  ])('makes of %s: %s', (policy, expected) => {
    expect(allowStyle(policy, S)).toBe(expected ?? policy);
  });

  it.each(["script-src 'self' 'nonce-a'", "script-src-elem b; default-src 'none'", 'sandbox; object-src c'])(
    'leaves everything but styles as it was in %s',
    (policy) => {
      const rest = (text: string): string[] =>
        text
          .split(';')
          .map((each) => each.trim())
          .filter((each) => !each.startsWith('style-src'));
      expect(rest(allowStyle(policy, S))).toEqual(rest(policy));
    },
  );
});

describe(allowsOwnImage.name, () => {
  it.each([
    ["script-src 'none'", true],
    ["default-src 'self'", true],
    ['img-src *', true],
    ["img-src data: 'SELF'; default-src 'none'", true],
    ["default-src 'none'; img-src", false],
    ["img-src 'none'; default-src 'self'", false],
    ["img-src data:; img-src 'self'", false],
    ['img-src cdn.test https:', false],
    ["default-src 'self', img-src data:", false],
    ['sandbox', false],
    ['sandbox allow-scripts; img-src *', false],
    ['sandbox ALLOW-same-origin', true],
    ['', true],
  ])('%j: %s', (policy, isAllowed) => expect(allowsOwnImage(policy)).toBe(isAllowed));
});

describe(allowsForms.name, () => {
  it.each([
    ["default-src 'none'; form-action 'none'", true],
    ['sandbox', false],
    ['sandbox allow-scripts', false],
    ['sandbox allow-forms', true],
    ["img-src 'self', sandbox allow-same-origin", false],
  ])('%j: %s', (policy, isAllowed) => expect(allowsForms(policy)).toBe(isAllowed));
});
