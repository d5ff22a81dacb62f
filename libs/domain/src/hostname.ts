import { randomBytes, randomInt } from 'node:crypto';

// 64 words each, so that two words contain 12 bits. Short, plain, and hard to mishear.
const ADJECTIVES = (
  'amber bold brave brief bright brisk broad calm clean clear clever cool coral crisp daring deep eager early ' +
  'easy fair fancy fast fine firm fleet fresh gentle glad golden good grand green happy honest jolly keen kind ' +
  'large light lively lucky mellow mild neat nimble noble open plain proud quick quiet rapid ready royal rustic ' +
  'sharp shiny silent smart solid steady sunny swift warm'
).split(' ');
const NOUNS = (
  'acorn badger beacon birch bison brook canal canyon castle cedar cloud comet coral crane creek dolphin eagle ' +
  'ember falcon fern finch forest fox garden glacier harbor hazel heron island juniper kestrel lagoon lantern ' +
  'lark lynx maple marten meadow mesa moose nectar oak ocean orchard otter owl panda pebble pine prairie quail ' +
  'rabbit raven reef ridge river robin salmon sparrow spruce stone summit tiger valley'
).split(' ');

// Crockford's base32 in lower case: without i, l, o and u, which people misread.
const BASE32 = '0123456789abcdefghjkmnpqrstvwxyz';
const SUFFIX_LENGTH = 14;

/**
 * Returns a first label for a preview's hostname, such as `quiet-heron-k7f3q2m9x4t8w2`. Its 82 random bits make an
 * unlisted name impossible to guess; the words make it easy to talk about.
 */
export function generatePreviewLabel(): string {
  let suffix = '';
  for (const byte of randomBytes(SUFFIX_LENGTH)) suffix += BASE32[byte & 31];
  return `${ADJECTIVES[randomInt(ADJECTIVES.length)]}-${NOUNS[randomInt(NOUNS.length)]}-${suffix}`;
}
