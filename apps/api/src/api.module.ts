import { Module, type DynamicModule } from '@nestjs/common';
import { APP_FILTER, APP_PIPE } from '@nestjs/core';
import { createValidationPipe, ProblemFilter } from '@culvert/nest';
import { ApiKeysModule } from './team/api-keys/api-keys.module.js';
import { AuditEventsModule } from './team/audit-events/audit-events.module.js';
import { AuthModule } from './http/auth/auth.module.js';
import { DashboardModule } from './http/dashboard/dashboard.module.js';
import { ChangesModule } from './team/changes/changes.module.js';
import { DocsModule } from './http/docs/docs.module.js';
import { ExchangesModule } from './previews/exchanges/exchanges.module.js';
import { InterceptsModule } from './previews/intercepts/intercepts.module.js';
import { MeasuresModule } from './http/measures/measures.module.js';
import { MeModule } from './people/me/me.module.js';
import { OAuthModule } from './people/oauth/oauth.module.js';
import { PreviewAccessModule } from './previews/access/preview-access.module.js';
import { PreviewCredentialsModule } from './previews/credentials/preview-credentials.module.js';
import { PreviewMetricsModule } from './previews/metrics/preview-metrics.module.js';
import { PreviewsModule } from './previews/previews.module.js';
import { ProgramsModule } from './people/programs/programs.module.js';
import { KeptExchangesModule } from './previews/kept-exchanges/kept-exchanges.module.js';
import { ReplaysModule } from './previews/replays/replays.module.js';
import { AccountModule } from './people/account/account.module.js';
import { SignInModule } from './people/sign-in/sign-in.module.js';
import { WorkloadIdentitiesModule } from './people/workload-identities/workload-identities.module.js';
import { SessionsModule } from './managers/sessions/sessions.module.js';
import { InvitationsModule } from './people/invitations/invitations.module.js';
import { TeamModule } from './team/team.module.js';
import { TelepresenceModule } from './managers/telepresence/telepresence.module.js';
import { WebhooksModule } from './team/webhooks/webhooks.module.js';
import { TrafficManagersModule } from './managers/traffic-managers.module.js';

export interface ApiOptions {
  /** Folder with a build of the dashboard. Default: where `npm run build` puts it. */
  readonly dashboardFolder?: string;
}

/**
 * The REST API, and the pages of the app host, as a part of an application. Needs the global modules of platform, and
 * `configureApi`.
 */
@Module({})
export class ApiModule {
  static register({ dashboardFolder }: ApiOptions = {}): DynamicModule {
    return {
      module: ApiModule,
      imports: [
        MeasuresModule,
        AuthModule,
        DashboardModule.register(dashboardFolder),
        DocsModule,
        MeModule,
        ApiKeysModule,
        TeamModule,
        InvitationsModule,
        TrafficManagersModule,
        SessionsModule,
        SignInModule,
        AccountModule,
        InterceptsModule,
        PreviewsModule,
        PreviewCredentialsModule,
        PreviewMetricsModule,
        PreviewAccessModule,
        AuditEventsModule,
        ChangesModule,
        WebhooksModule,
        ProgramsModule,
        ExchangesModule,
        KeptExchangesModule,
        ReplaysModule,
        WorkloadIdentitiesModule,
        OAuthModule,
        TelepresenceModule,
      ],
      providers: [
        { provide: APP_FILTER, useClass: ProblemFilter },
        { provide: APP_PIPE, useFactory: createValidationPipe },
      ],
    };
  }
}
