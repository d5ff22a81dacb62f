import { Controller, Get, Header, Param, Res } from '@nestjs/common';
import {
  buildOpenApiDocument,
  ERRORS,
  ProblemError,
  type ErrorCode,
  type ProblemDescription,
} from '@culvert/contract';
import { Public } from '@culvert/nest';
import type { Response } from 'express';
import { Operation } from '../operation.js';
import { DOCS_CONTENT_SECURITY_POLICY, DOCS_FILES, DOCS_PAGE } from './docs-page.js';

/** The description of the API, for programs and people. */
@Public()
@Controller()
export class DocsController {
  /** Built at the first request, so that starts do not spend time on it. */
  private document: object | null = null;

  @Get('api/openapi.json')
  openApi(): object {
    return (this.document ??= buildOpenApiDocument());
  }

  @Operation('getProblem')
  problem(@Param('code') code: string): ProblemDescription {
    if (!Object.hasOwn(ERRORS, code))
      throw new ProblemError('not_found', { detail: 'this error code does not exist' });
    return { code, ...ERRORS[code as ErrorCode] };
  }

  @Get('api/docs')
  @Header('Content-Type', 'text/html; charset=utf-8')
  @Header('Content-Security-Policy', DOCS_CONTENT_SECURITY_POLICY)
  page(): string {
    return DOCS_PAGE;
  }

  @Get('api/docs/:file')
  file(@Param('file') file: string, @Res() response: Response): void {
    const found = DOCS_FILES.get(file);
    if (found === undefined)
      throw new ProblemError('not_found', { detail: 'the documentation has no such file' });
    response.type(found.type).setHeader('Cache-Control', 'public, max-age=3600');
    if (found.path === undefined) response.send(found.text);
    else response.sendFile(found.path, { cacheControl: false });
  }
}
