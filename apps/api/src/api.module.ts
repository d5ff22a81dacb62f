import { Module, type DynamicModule } from '@nestjs/common';
import { APP_FILTER, APP_PIPE } from '@nestjs/core';
import { createValidationPipe, ProblemFilter } from '@culvert/nest';
import { ApiKeysModule } from './api-keys/api-keys.module.js';
import { AuditEventsModule } from './audit-events/audit-events.module.js';
import { AuthModule } from './auth/auth.module.js';
import { DashboardModule } from './dashboard/dashboard.module.js';
import { ChangesModule } from './changes/changes.module.js';
import { DocsModule } from './docs/docs.module.js';
import { ExchangesModule } from './exchanges/exchanges.module.js';
import { InterceptsModule } from './intercepts/intercepts.module.js';
import { MeModule } from './me/me.module.js';
import { OAuthModule } from './oauth/oauth.module.js';
import { PreviewAccessModule } from './preview-access/preview-access.module.js';
import { PreviewCredentialsModule } from './preview-credentials/preview-credentials.module.js';
import { PreviewMetricsModule } from './preview-metrics/preview-metrics.module.js';
import { PreviewsModule } from './previews/previews.module.js';
import { ProgramsModule } from './programs/programs.module.js';
import { ReplaysModule } from './replays/replays.module.js';
import { AccountModule } from './account/account.module.js';
import { SignInModule } from './sign-in/sign-in.module.js';
import { SessionsModule } from './sessions/sessions.module.js';
import { TeamModule } from './team/team.module.js';
import { TelepresenceModule } from './telepresence/telepresence.module.js';
import { TrafficManagersModule } from './traffic-managers/traffic-managers.module.js';

export interface ApiOptions {
  /** With a build of the dashboard. Default: where `npm run build` puts it. */
  readonly dashboardFolder?: string;
}

/**
 * The REST API, and what people see on the app host, as a part of an application. Needs the global modules of platform,
 * and `configureApi`.
 */
@Module({})
export class ApiModule {
  static register({ dashboardFolder }: ApiOptions = {}): DynamicModule {
    return {
      module: ApiModule,
      imports: [
        AuthModule,
        DashboardModule.register(dashboardFolder),
        DocsModule,
        MeModule,
        ApiKeysModule,
        TeamModule,
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
        ProgramsModule,
        ExchangesModule,
        ReplaysModule,
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
