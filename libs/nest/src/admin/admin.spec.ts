import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { Store } from '@culvert/domain';
import { Readiness, type Settings } from '@culvert/runtime';
import { Metrics } from '@culvert/metrics';
import request from 'supertest';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StoreModule } from '../store.module.js';
import { startAdminServer, type AdminServer } from './admin-server.js';
import { AdminModule, MetricsModule, ObservabilityModule } from './admin.module.js';

const LISTEN: Settings['listen'] = { port: 0, host: '127.0.0.1', adminPort: 0, metrics: null };

describe('the admin server', () => {
  let app: NestExpressApplication;
  let admin: AdminServer;
  let ping: () => Promise<void>;
  let closed: number;
  const http = () => request(`http://127.0.0.1:${admin.port ?? 0}`);

  beforeEach(async () => {
    ping = async () => {};
    closed = 0;
    const store = {
      ping: () => ping(),
      close: async () => void closed++,
    } as Partial<Store> as Store;

    @Module({
      imports: [
        StoreModule.register(store),
        ObservabilityModule.register({ program: 'test', version: '1.2.3' }),
        AdminModule,
        MetricsModule,
      ],
    })
    class MainModule {}

    app = await NestFactory.create<NestExpressApplication>(MainModule, { logger: false });
    await app.init();
    admin = await startAdminServer(app, LISTEN);
  });
  afterEach(async () => {
    await app.close();
    await admin.close();
  });

  it('is alive whatever the state of the store', async () => {
    ping = () => Promise.reject(new Error('down'));
    expect((await http().get('/healthz').expect(200)).body).toEqual({ status: 'ok' });
  });

  it('becomes ready when the store answers', async () => {
    ping = () => Promise.reject(new Error('password authentication failed for user "culvert"'));
    const response = await http().get('/readyz').expect(503);
    expect(response.body).toEqual({ ready: false, checks: { store: 'failing' } });
    ping = async () => {};
    expect((await http().get('/readyz').expect(200)).body).toEqual({ ready: true, checks: { store: 'ok' } });
  });

  // All processes share the store: if its failure made them unready, a load balancer would have none left.
  it('stays ready without its store once it has been ready, and names the store', async () => {
    await http().get('/readyz').expect(200);
    ping = () => Promise.reject(new Error('down'));
    expect((await http().get('/readyz').expect(200)).body).toEqual({
      ready: true,
      checks: { store: 'failing' },
    });
  });

  it('shows whether the store answers as a metric', async () => {
    expect((await http().get('/metrics')).text).toContain('culvert_dependency_up{dependency="store"} 1');
    ping = () => Promise.reject(new Error('down'));
    expect((await http().get('/metrics')).text).toContain('culvert_dependency_up{dependency="store"} 0');
  });

  it('is not ready after it was asked to stop', async () => {
    app.get(Readiness).markStopping();
    expect((await http().get('/readyz').expect(503)).body).toEqual({
      ready: false,
      checks: { process: 'stopping' },
    });
    await http().get('/healthz').expect(200);
  });

  it('reports a shutdown until the end, and closes the store once', async () => {
    await app.close();
    await http().get('/readyz').expect(503);
    expect(closed).toBe(1);
  });

  it('shows the metrics of the process and of the application', async () => {
    app.get(Metrics).value('culvert_streams', () => 3);
    const response = await http().get('/metrics').expect(200);
    expect(response.headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(response.text).toContain('culvert_streams 3');
    expect(response.text).toContain('process_cpu_seconds_total');
    expect(response.text).toContain('culvert_build_info{program="test",version="1.2.3"');
  });

  it('also serves on the main port when the module is mounted there', async () => {
    const main = request(app.getHttpServer());
    expect((await main.get('/healthz')).status).toBe(200);
    expect((await main.get('/readyz')).body).toEqual({ ready: true, checks: { store: 'ok' } });
  });

  it('serves metrics on their own port and nowhere else where the settings have one', async () => {
    await admin.close();
    admin = await startAdminServer(app, { ...LISTEN, metrics: { port: 0, host: '127.0.0.1' } });
    const own = request(`http://127.0.0.1:${admin.metricsPort ?? 0}`);
    expect((await own.get('/metrics')).text).toContain('culvert_build_info');
    expect((await own.get('/readyz')).status).toBe(404);
    expect((await http().get('/metrics')).status).toBe(404);
    expect((await http().get('/readyz')).status).toBe(200);
  });
});
