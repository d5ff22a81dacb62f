import { z } from 'zod';

// Host names have no underscores, but container names do, and resolvers accept them.
const NAME = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*$/;
// Resolvers read names whose last label is a number as IPv4 addresses, also in forms that disguise them (0x7f.1,
// 2130706433).
const NUMERIC_END = /(?:^|\.)(?:\d+|0x[0-9a-f]*)$/;

const ipv4 = z.ipv4();
const ipv6 = z.ipv6();

function isHost(text: string): boolean {
  if (ipv4.safeParse(text).success || ipv6.safeParse(text).success) return true;
  return NAME.test(text) && !NUMERIC_END.test(text);
}

/** A DNS name, an IPv4 address in four parts, or an IPv6 address without brackets. Parsed to lower case. */
export const host = z
  .string()
  .toLowerCase()
  .max(253, 'must be at most 253 characters long')
  .refine(isHost, 'must be a DNS name or an IP address, without brackets or port');

export const port = z
  .int('must be a whole number')
  .min(1, 'must be at least 1')
  .max(65_535, 'must be at most 65535');
