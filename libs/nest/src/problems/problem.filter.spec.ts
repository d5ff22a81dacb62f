import { Body, Controller, Get, Module, Param, Post, Res } from '@nestjs/common';
import { APP_FILTER, APP_PIPE, NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { ProblemError } from '@culvert/contract';
import { createLog } from '@culvert/runtime';
import type { Response } from 'express';
import request from 'supertest';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { LoggerModule } from '../logger.module.js';
import { ProblemFilter } from './problem.filter.js';
import { identifyRequest } from './request-id.js';
import { createValidationPipe } from './validation.pipe.js';

const lines: string[] = [];
const log = createLog({ level: 'info', app: 'api', destination: { write: (line) => void lines.push(line) } });
const schema = z.strictObject({ name: z.string().max(3), tags: z.array(z.string()).default([]) });

@Controller('things')
class ThingsController {
  @Get('broken')
  broken() {
    throw new Error('relation "secret_table" does not exist');
  }

  @Get('half')
  half(@Res() response: Response) {
    response.write('half');
    throw new Error('after the head');
  }

  @Get('denied')
  denied() {
    throw new ProblemError('unauthenticated');
  }

  @Get(':id')
  find(@Param('id') id: string) {
    throw new ProblemError('not_found', { detail: `no thing ${id}` });
  }

  @Post()
  create(@Body({ schema }) body: z.output<typeof schema>) {
    return body;
  }
}

@Module({
  imports: [LoggerModule.register(log)],
  controllers: [ThingsController],
  providers: [
    { provide: APP_FILTER, useClass: ProblemFilter },
    { provide: APP_PIPE, useFactory: createValidationPipe },
  ],
})
class ThingsModule {}

describe(ProblemFilter.name, () => {
  let app: NestExpressApplication;
  const http = () => request(app.getHttpServer());

  beforeAll(async () => {
    app = await NestFactory.create<NestExpressApplication>(ThingsModule, {
      logger: false,
      bodyParser: false,
    });
    app.use(identifyRequest);
    app.useBodyParser('json', { limit: 1024, inflate: false });
    await app.init();
  });
  beforeEach(() => void (lines.length = 0));
  afterAll(() => app.close());

  it('answers an error of the catalog as problem+json', async () => {
    const response = await http().get('/things/7').expect(404);
    expect(response.headers['content-type']).toBe('application/problem+json');
    expect(response.body).toEqual({
      type: '/api/problems/not_found',
      title: 'Not found: nothing with this ID exists in your team',
      status: 404,
      code: 'not_found',
      detail: 'no thing 7',
      instance: `urn:uuid:${response.headers['x-request-id']}`,
    });
  });

  it('writes the text of unknown errors only to the log, under the request id that the client gets', async () => {
    const response = await http().get('/things/broken?token=hunter2').expect(500);
    expect(response.body).toMatchObject({ code: 'internal_error', status: 500 });
    expect(response.text).not.toContain('secret_table');
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0])).toMatchObject({
      level: 'error',
      requestId: response.headers['x-request-id'],
      err: { message: 'relation "secret_table" does not exist' },
    });
    expect(lines[0]).not.toContain('hunter2');
  });

  it('chooses the request id itself', async () => {
    const response = await http().get('/things/7').set('X-Request-Id', 'mine');
    expect(response.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('has the id of the edge that a request came through', async () => {
    const id = '0123456789abcdef0123456789abcdef';
    const response = await http().get('/things/7').set('X-Request-Id', id);
    expect(response.headers['x-request-id']).toBe(id);
  });

  it('closes the connection if a response fails half way', async () => {
    await expect(http().get('/things/half')).rejects.toMatchObject({ code: 'ECONNRESET' });
  });

  it('challenges a request without credentials', async () => {
    const response = await http().get('/things/denied').expect(401);
    expect(response.headers['www-authenticate']).toBe('Bearer realm="culvert"');
  });

  it('lists every invalid field', async () => {
    const response = await http()
      .post('/things')
      .send({ name: 'long', tags: ['a', 1], 'x/y~': true })
      .expect(400);
    expect(response.body.code).toBe('validation_failed');
    expect(response.body.errors).toEqual(
      expect.arrayContaining([
        { pointer: '/name', message: expect.stringContaining('3') },
        { pointer: '/tags/1', message: expect.stringContaining('string') },
        { pointer: '', message: expect.stringContaining('x/y~') },
      ]),
    );
    expect((await http().post('/things').send({ name: 'abc' }).expect(201)).body).toEqual({
      name: 'abc',
      tags: [],
    });
  });

  it('lists at most 50 invalid fields', async () => {
    const response = await http()
      .post('/things')
      .send({ name: 'abc', tags: new Array(200).fill(1) })
      .expect(400);
    expect(response.body.errors).toHaveLength(50);
  });

  it.each([
    ['malformed JSON', '{"name":', 'application/json', 400, 'malformed_request'],
    ['a body that is not an object', '"text"', 'application/json', 400, 'malformed_request'],
    [
      'a body beyond the limit',
      JSON.stringify({ name: 'x'.repeat(2000) }),
      'application/json',
      413,
      'payload_too_large',
    ],
    ['an unknown charset', '{}', 'application/json; charset=klingon', 415, 'unsupported_media_type'],
    ['a missing body', '', 'application/json', 400, 'validation_failed'],
    [
      'hostile nesting',
      `{"name":${'['.repeat(500)}${']'.repeat(500)}}`,
      'application/json',
      400,
      'validation_failed',
    ],
    ['a prototype', '{"__proto__":{"name":"abc"}}', 'application/json', 400, 'validation_failed'],
  ])('answers %s as a problem', async (_name, body, type, status, code) => {
    const response = await http().post('/things').set('Content-Type', type).send(body);
    expect([response.status, response.body.code]).toEqual([status, code]);
    expect(lines).toEqual([]);
  });

  it('refuses compressed bodies', async () => {
    const response = await http().post('/things').set('Content-Encoding', 'gzip').send({ name: 'abc' });
    expect([response.status, response.body.code]).toEqual([415, 'unsupported_media_type']);
  });

  it('distinguishes unknown paths from wrong methods', async () => {
    expect((await http().get('/nothing').expect(404)).body.code).toBe('route_not_found');
    const wrong = await http().delete('/things/7').expect(405);
    expect(wrong.body.code).toBe('method_not_allowed');
    expect(wrong.headers['allow']).toBe('GET, HEAD');
    expect((await http().put('/things').expect(405)).headers['allow']).toBe('POST');
  });

  it('answers a URL that cannot be decoded', async () => {
    expect((await http().get('/things/%E0%A4%A').expect(400)).body.code).toBe('malformed_request');
    expect((await http().get('/nothing/%ff').expect(404)).body.code).toBe('route_not_found');
  });
});
