import { Body, Controller, Module, Param, Query } from '@nestjs/common';
import { APP_FILTER, NestFactory, Reflector } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { identifyRequest, IS_PUBLIC, LOG, ProblemFilter } from '@culvert/nest';
import { createLog } from '@culvert/runtime';
import request from 'supertest';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { RequireScope } from './auth/require-scope.js';
import { Operation } from './operation.js';

const lines: string[] = [];
const log = createLog({ level: 'info', app: 'api', destination: { write: (line) => void lines.push(line) } });

@Controller()
class KeysController {
  @Operation('createApiKey')
  create(@Body() body: object) {
    return body;
  }

  @Operation('getApiKey')
  show(@Param('apiKeyId') id: string) {
    return { id };
  }

  @Operation('listApiKeys')
  list(@Query() query: object) {
    return query;
  }

  @Operation('revokeApiKey')
  revoke(@Query() query: object) {
    return query;
  }

  @Operation('getProblem')
  problem() {
    return {};
  }
}

@Module({
  controllers: [KeysController],
  providers: [
    { provide: LOG, useValue: log },
    { provide: APP_FILTER, useClass: ProblemFilter },
  ],
})
class KeysModule {}

describe(Operation.name, () => {
  let app: NestExpressApplication;
  const http = () => request(app.getHttpServer());

  beforeAll(async () => {
    app = await NestFactory.create<NestExpressApplication>(KeysModule, { logger: false });
    app.use(identifyRequest);
    await app.init();
  });
  beforeEach(() => void (lines.length = 0));
  afterAll(() => app.close());

  it('answers at the method and path of the operation, with its status', async () => {
    const created = await http()
      .post('/api/v1/api-keys')
      .send({ name: 'ci', scopes: ['tunnel'] });
    expect(created.status).toBe(201);
    const shown = await http().get('/api/v1/api-keys/some-id');
    expect([shown.status, shown.body]).toEqual([200, { id: 'some-id' }]);
    expect((await http().get('/api/v1/keys')).status).toBe(404);
  });

  it('declares what the operation requires', () => {
    const reflector = new Reflector();
    const { create, problem } = KeysController.prototype;
    expect(reflector.get(RequireScope, create)).toBe('keys:write');
    expect(reflector.get(RequireScope, problem)).toBeUndefined();
    expect(reflector.get(IS_PUBLIC, problem)).toBe(true);
  });

  it(
    'validates body, query and path parameters by the schemas of the operation, and passes the parsed ' +
      'values',
    async () => {
      const body = await http()
        .post('/api/v1/api-keys')
        .send({ name: 'ci', scopes: ['x'] })
        .expect(400);
      expect(body.body).toMatchObject({ code: 'validation_failed', errors: [{ pointer: '/scopes/0' }] });
      const query = await http().get('/api/v1/api-keys?limit=0').expect(400);
      expect(query.body).toMatchObject({ code: 'validation_failed', errors: [{ pointer: '/limit' }] });
      await http().get('/api/v1/api-keys?limit=7').expect(200, { limit: 7 });
      await http().get('/api/v1/api-keys/%00').expect(400);
    },
  );

  it('fails if a method asks for a part that its operation does not have', async () => {
    await http().delete('/api/v1/api-keys/some-id').expect(500);
    expect(lines.join('')).toContain('the operation revokeApiKey has no schema for its query');
  });
});
