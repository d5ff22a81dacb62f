import { Module } from '@nestjs/common';
import { SETTINGS } from '@culvert/nest';
import type { Settings } from '@culvert/runtime';
import { TokenVerifier } from '@culvert/workload-tokens';
import { AnnouncementsModule } from '../../announcements/announcements.module.js';
import { RateLimitsModule } from '../../http/rate-limits/rate-limits.module.js';
import { AuditEventsModule } from '../../team/audit-events/audit-events.module.js';
import { IssuerClients } from './issuer-clients.js';
import { WorkloadIdentitiesController } from './workload-identities.controller.js';
import { WorkloadIdentitiesService } from './workload-identities.service.js';
import { WorkloadSignInService } from './workload-sign-in.service.js';

/** Rules by which programs of a platform, such as jobs of GitHub Actions, sign in without a stored key. */
@Module({
  imports: [AnnouncementsModule, AuditEventsModule, RateLimitsModule],
  controllers: [WorkloadIdentitiesController],
  providers: [
    IssuerClients,
    {
      provide: TokenVerifier,
      inject: [IssuerClients, SETTINGS],
      useFactory: (clients: IssuerClients, { signIn }: Settings) =>
        clients.createVerifier(signIn.internalIssuers),
    },
    WorkloadIdentitiesService,
    WorkloadSignInService,
  ],
  exports: [WorkloadSignInService],
})
export class WorkloadIdentitiesModule {}
