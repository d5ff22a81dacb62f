import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Query } from '@nestjs/common';
import {
  createApiKeyRequest,
  resourceId,
  pageQuery,
  rotateApiKeyRequest,
  updateApiKeyRequest,
  type CreateApiKeyRequest,
  type PageQuery,
  type RotateApiKeyRequest,
  type UpdateApiKeyRequest,
} from '@culvert/contract';
import { CurrentCaller, type Caller } from '../auth/caller.js';
import { RequireScope } from '../auth/require-scope.js';
import { ApiKeysService } from './api-keys.service.js';

@Controller('api/v1/api-keys')
export class ApiKeysController {
  constructor(private readonly apiKeys: ApiKeysService) {}

  @Post()
  @RequireScope('keys:write')
  create(@CurrentCaller() caller: Caller, @Body({ schema: createApiKeyRequest }) body: CreateApiKeyRequest) {
    return this.apiKeys.create(caller, body);
  }

  @Get()
  @RequireScope('keys:read')
  list(@CurrentCaller() caller: Caller, @Query({ schema: pageQuery }) query: PageQuery) {
    return this.apiKeys.list(caller, query);
  }

  @Get(':apiKeyId')
  @RequireScope('keys:read')
  show(@CurrentCaller() caller: Caller, @Param('apiKeyId', { schema: resourceId }) id: string) {
    return this.apiKeys.show(caller, id);
  }

  @Patch(':apiKeyId')
  @RequireScope('keys:write')
  update(
    @CurrentCaller() caller: Caller,
    @Param('apiKeyId', { schema: resourceId }) id: string,
    @Body({ schema: updateApiKeyRequest }) body: UpdateApiKeyRequest,
  ) {
    return this.apiKeys.update(caller, id, body);
  }

  @Post(':apiKeyId/rotate')
  @RequireScope('keys:write')
  rotate(
    @CurrentCaller() caller: Caller,
    @Param('apiKeyId', { schema: resourceId }) id: string,
    @Body({ schema: rotateApiKeyRequest }) body: RotateApiKeyRequest,
  ) {
    return this.apiKeys.rotate(caller, id, body);
  }

  @Delete(':apiKeyId')
  @HttpCode(204)
  @RequireScope('keys:write')
  revoke(@CurrentCaller() caller: Caller, @Param('apiKeyId', { schema: resourceId }) id: string) {
    return this.apiKeys.revoke(caller, id);
  }
}
