/** `npm run fuzz [-- http1|http2] [options]`: the fuzzer of one protocol, or of both in turn. Options are those of `bench/fuzz.ts`. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const PROTOCOLS = ['http1', 'http2'];
const [first, ...rest] = process.argv.slice(2);
const isNamed = PROTOCOLS.includes(first);
const options = isNamed || first === undefined ? rest : [first, ...rest];
for (const protocol of isNamed ? [first] : PROTOCOLS) {
  const script = fileURLToPath(new URL(`../../dist/libs/${protocol}/bench/fuzz.js`, import.meta.url));
  const { status } = spawnSync(process.execPath, [script, ...options], { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}
