import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { LOG, SETTINGS } from '@culvert/nest';
import { HANDED_ON, type Settings } from '@culvert/runtime';
import { createTransport } from 'nodemailer';
import { ApiMeasures } from '../../http/measures/api-measures.js';
import type { Logger } from 'pino';

/** A mail that explains why it was sent and contains one link. */
export interface Mail {
  readonly to: string;
  readonly subject: string;
  /** Paragraphs of plain text. */
  readonly before: string;
  readonly link: string;
  readonly after: string;
}

const TIMEOUT_MS = 20_000;

/** Sends mails by SMTP_URL. If that is not set, it logs the link, which the operator can copy. */
@Injectable()
export class Mailer implements OnApplicationShutdown {
  private readonly transport: ReturnType<typeof createTransport> | null;
  private readonly from: string;
  private readonly sending = new Set<Promise<void>>();

  constructor(
    @Inject(SETTINGS) { mail, public: { appHostname } }: Settings,
    @Inject(LOG) private readonly log: Logger,
    private readonly measures: ApiMeasures,
  ) {
    this.from = mail.from ?? `Culvert <culvert@${appHostname}>`;
    this.transport =
      mail.smtpUrl === undefined
        ? null
        : createTransport({
            url: mail.smtpUrl,
            connectionTimeout: TIMEOUT_MS,
            greetingTimeout: TIMEOUT_MS,
            socketTimeout: TIMEOUT_MS,
            disableFileAccess: true,
            disableUrlAccess: true,
          });
  }

  /** Whether mails are sent at all. */
  get isConfigured(): boolean {
    return this.transport !== null;
  }

  /** Sends in the background: the requester learns neither whether it was sent nor how long that took. */
  send(mail: Mail): void {
    const sending = this.deliver(mail)
      // The log line omits the link, which is a credential of its recipient.
      .catch((error: unknown) => this.log.error({ err: error, subject: mail.subject }, 'cannot send a mail'))
      .finally(() => this.sending.delete(sending));
    this.sending.add(sending);
  }

  async onApplicationShutdown(): Promise<void> {
    await Promise.all(this.sending);
    this.transport?.close();
  }

  private async deliver({ to, subject, before, link, after }: Mail): Promise<void> {
    if (this.transport === null) {
      // On purpose, and only here: without SMTP, the operator has no other way to reach the person.
      this.log.warn(
        { to, subject, [HANDED_ON]: link },
        'SMTP_URL is not set: pass this link on to the person',
      );
      return;
    }
    const text = `${before}\n\n${link}\n\n${after}\n`;
    // As an object: an address in a string could be parsed as a list of several.
    try {
      await this.transport.sendMail({ from: this.from, to: { name: '', address: to }, subject, text });
      this.measures.countMail('ok');
    } catch (error) {
      this.measures.countMail('failed');
      throw error;
    }
  }
}
