import { setFlagsFromString } from 'node:v8';
import { runInThisContext } from 'node:vm';
import { expect, it } from 'vitest';
import { restoreFastStrings } from './fast-strings.js';

it('restoreFastStrings makes string methods fast again after a library has subclassed String', () => {
  setFlagsFromString('--allow-natives-syntax');
  const isFast = runInThisContext('() => %HasFastProperties(String.prototype)') as () => boolean;
  runInThisContext('class Slow extends String {}');
  restoreFastStrings();
  expect(isFast()).toBe(true);
});
