import { Controller, Get, Req } from '@nestjs/common';
import { Public } from '@culvert/platform';
import type { Request } from 'express';
import { UserInfoService, type UserInfo } from './user-info.service.js';

@Public()
@Controller('api/userinfo')
export class UserInfoController {
  constructor(private readonly userInfo: UserInfoService) {}

  @Get()
  show(@Req() request: Request): Promise<UserInfo> {
    return this.userInfo.show(request);
  }
}
