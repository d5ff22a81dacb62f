import { type Deployment, startDeployment } from '../support/deployment.js';
import type { Program } from '../support/process.js';

/** Culvert with one traffic manager, a process each, and previews of the services. */
export interface Culvert {
  readonly edge: Program;
  readonly manager: Program;
  readonly port: number;
  /** A public preview of a service on a port of this machine: its hostname. */
  previewOf(name: string, port: number): Promise<string>;
  stop(): Promise<void>;
}

export async function startCulvert(): Promise<Culvert> {
  const deployment: Deployment = await startDeployment({ LOG_LEVEL: 'warn' });
  try {
    const manager = await deployment.startManager();
    return {
      edge: deployment.program,
      manager,
      port: deployment.port,
      previewOf: async (name, port) => {
        const intercept = { name, workload: name, namespace: 'bench' };
        return (await deployment.createPreview(port, { intercept })).hostname;
      },
      stop: () => deployment.stop(),
    };
  } catch (error) {
    await deployment.stop();
    throw error;
  }
}
