import { Inject, Module, type OnApplicationShutdown } from '@nestjs/common';
import { SETTINGS } from '@culvert/nest';
import { AllowedNetworks, HttpClient } from '@culvert/outbound';
import type { Settings } from '@culvert/runtime';
import { AnnouncementsModule } from '../../announcements/announcements.module.js';
import { AuditEventsModule } from '../audit-events/audit-events.module.js';
import { WEBHOOK_HTTP, WebhookDeliveries } from './webhook-deliveries.js';
import { WebhooksController } from './webhooks.controller.js';
import { WebhooksService } from './webhooks.service.js';
import { webhookHttpOptions } from './webhook-request.js';

@Module({
  imports: [AnnouncementsModule, AuditEventsModule],
  controllers: [WebhooksController],
  providers: [
    WebhooksService,
    WebhookDeliveries,
    {
      provide: AllowedNetworks,
      inject: [SETTINGS],
      useFactory: ({ webhooks }: Settings) => new AllowedNetworks(webhooks.allowedNetworks),
    },
    {
      provide: WEBHOOK_HTTP,
      inject: [AllowedNetworks],
      useFactory: (networks: AllowedNetworks) => new HttpClient(webhookHttpOptions(networks)),
    },
  ],
})
export class WebhooksModule implements OnApplicationShutdown {
  constructor(@Inject(WEBHOOK_HTTP) private readonly http: HttpClient) {}

  onApplicationShutdown(): void {
    this.http.close();
  }
}
