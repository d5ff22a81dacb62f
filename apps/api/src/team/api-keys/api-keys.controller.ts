import { Body, Controller, Param, Query } from '@nestjs/common';
import type {
  CreateApiKeyRequest,
  PageQuery,
  RotateApiKeyRequest,
  UpdateApiKeyRequest,
} from '@culvert/contract';
import { CurrentCaller, type Caller } from '../../http/auth/caller.js';
import { Operation } from '../../http/operation.js';
import { ApiKeysService } from './api-keys.service.js';

@Controller()
export class ApiKeysController {
  constructor(private readonly apiKeys: ApiKeysService) {}

  @Operation('createApiKey')
  create(@CurrentCaller() caller: Caller, @Body() body: CreateApiKeyRequest) {
    return this.apiKeys.create(caller, body);
  }

  @Operation('listApiKeys')
  list(@CurrentCaller() caller: Caller, @Query() query: PageQuery) {
    return this.apiKeys.list(caller, query);
  }

  @Operation('getApiKey')
  show(@CurrentCaller() caller: Caller, @Param('apiKeyId') id: string) {
    return this.apiKeys.show(caller, id);
  }

  @Operation('updateApiKey')
  update(@CurrentCaller() caller: Caller, @Param('apiKeyId') id: string, @Body() body: UpdateApiKeyRequest) {
    return this.apiKeys.update(caller, id, body);
  }

  @Operation('rotateApiKey')
  rotate(@CurrentCaller() caller: Caller, @Param('apiKeyId') id: string, @Body() body: RotateApiKeyRequest) {
    return this.apiKeys.rotate(caller, id, body);
  }

  @Operation('revokeApiKey')
  revoke(@CurrentCaller() caller: Caller, @Param('apiKeyId') id: string) {
    return this.apiKeys.revoke(caller, id);
  }
}
