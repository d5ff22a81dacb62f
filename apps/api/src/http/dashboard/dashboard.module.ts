import { Module, type DynamicModule } from '@nestjs/common';
import { PagesModule } from '../pages/pages.module.js';
import { DashboardFiles, findDashboardFolder } from './dashboard-files.js';
import { DASHBOARD_FILES, DashboardController } from './dashboard.controller.js';

@Module({})
export class DashboardModule {
  /** @param folder folder with a build of the dashboard; default: where `npm run build` puts it */
  static register(folder = findDashboardFolder()): DynamicModule {
    return {
      module: DashboardModule,
      imports: [PagesModule],
      controllers: [DashboardController],
      providers: [{ provide: DASHBOARD_FILES, useFactory: () => DashboardFiles.read(folder) }],
    };
  }
}
