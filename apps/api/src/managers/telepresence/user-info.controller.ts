import { Controller, Get, Req } from '@nestjs/common';
import { Public } from '@culvert/nest';
import type { Request } from 'express';
import { factsOf } from '../../http/request-facts.js';
import { CountedByAddress } from '../../http/rate-limits/address-rate.guard.js';
import { UserInfoService, type UserInfo } from './user-info.service.js';

@Public()
@CountedByAddress('user-info')
@Controller('api/userinfo')
export class UserInfoController {
  constructor(private readonly userInfo: UserInfoService) {}

  @Get()
  show(@Req() request: Request): Promise<UserInfo> {
    return this.userInfo.show(factsOf(request));
  }
}
