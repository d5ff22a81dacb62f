import { Body, Controller, Param, Query } from '@nestjs/common';
import type { CreateWebhookRequest, PageQuery, UpdateWebhookRequest } from '@culvert/contract';
import { CurrentCaller, type Caller } from '../../http/auth/caller.js';
import { Operation } from '../../http/operation.js';
import { WebhooksService } from './webhooks.service.js';

@Controller()
export class WebhooksController {
  constructor(private readonly webhooks: WebhooksService) {}

  @Operation('createWebhook')
  create(@CurrentCaller() caller: Caller, @Body() body: CreateWebhookRequest) {
    return this.webhooks.create(caller, body);
  }

  @Operation('listWebhooks')
  list(@CurrentCaller() caller: Caller, @Query() query: PageQuery) {
    return this.webhooks.list(caller, query);
  }

  @Operation('getWebhook')
  show(@CurrentCaller() caller: Caller, @Param('webhookId') id: string) {
    return this.webhooks.show(caller, id);
  }

  @Operation('updateWebhook')
  update(
    @CurrentCaller() caller: Caller,
    @Param('webhookId') id: string,
    @Body() body: UpdateWebhookRequest,
  ) {
    return this.webhooks.update(caller, id, body);
  }

  @Operation('deleteWebhook')
  remove(@CurrentCaller() caller: Caller, @Param('webhookId') id: string) {
    return this.webhooks.remove(caller, id);
  }

  @Operation('testWebhook')
  test(@CurrentCaller() caller: Caller, @Param('webhookId') id: string) {
    return this.webhooks.test(caller, id);
  }

  @Operation('listWebhookDeliveries')
  listDeliveries(@CurrentCaller() caller: Caller, @Param('webhookId') id: string, @Query() query: PageQuery) {
    return this.webhooks.listDeliveries(caller, id, query);
  }

  @Operation('getWebhookDelivery')
  showDelivery(
    @CurrentCaller() caller: Caller,
    @Param('webhookId') id: string,
    @Param('deliveryId') deliveryId: string,
  ) {
    return this.webhooks.showDelivery(caller, id, deliveryId);
  }

  @Operation('redeliverWebhook')
  redeliver(
    @CurrentCaller() caller: Caller,
    @Param('webhookId') id: string,
    @Param('deliveryId') deliveryId: string,
  ) {
    return this.webhooks.redeliver(caller, id, deliveryId);
  }
}
