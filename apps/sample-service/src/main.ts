import { startSampleService } from './sample-service.js';

const { SAMPLE_PORT = '3000', SAMPLE_HOST = '127.0.0.1', SAMPLE_NAME } = process.env;

try {
  if (!/^\d{1,5}$/.test(SAMPLE_PORT) || Number(SAMPLE_PORT) > 65_535) {
    throw new RangeError(`SAMPLE_PORT must be a port from 0 to 65535, not ${JSON.stringify(SAMPLE_PORT)}`);
  }
  const service = await startSampleService({
    port: Number(SAMPLE_PORT),
    host: SAMPLE_HOST,
    ...(SAMPLE_NAME && { name: SAMPLE_NAME }),
  });
  const host = SAMPLE_HOST.includes(':') ? `[${SAMPLE_HOST}]` : SAMPLE_HOST;
  process.stdout.write(`Listening      http://${host}:${service.port}\n`);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => void service.close());
  }
} catch (error) {
  process.stderr.write(`${JSON.stringify({ level: 'fatal', msg: (error as Error).message })}\n`);
  process.exitCode = 1;
}
