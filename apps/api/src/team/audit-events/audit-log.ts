import { Inject, Injectable } from '@nestjs/common';
import { AuditLog as PlainAuditLog, type Store } from '@culvert/domain';
import { STORE } from '@culvert/nest';
import { Announcer } from '../../announcements/announcer.js';

/** The audit log, as Nest injects it. */
@Injectable()
export class AuditLog extends PlainAuditLog {
  constructor(@Inject(STORE) store: Store, announcer: Announcer) {
    super(store, announcer);
  }
}
