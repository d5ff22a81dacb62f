import { ConfigurationError } from './settings/configuration-error.js';

/** What a watch of files reports. */
export interface FileEvents<Content> {
  /** The files hold something else, which must be used from now on. */
  onChange(content: Content): void;
  /** Two checks in a row found unusable files. Not called again until a check finds usable files. */
  onProblem(error: ConfigurationError): void;
}

/** Interval between two checks. Kubernetes takes up to a minute to replace files. */
const DEFAULT_LOOK_MS = 10_000;

/** Checks files at an interval, and reports changes. Never keeps the process alive. */
export class FileWatch<Content> {
  private readonly timer: NodeJS.Timeout;
  /** Checks in a row that found unusable files. */
  private failures = 0;

  /**
   * @param read returns null when the files still hold `used`, and throws a ConfigurationError when they are unusable
   * @param used what the caller has read before
   */
  constructor(
    private readonly read: (used: Content) => Content | null,
    private used: Content,
    private readonly events: FileEvents<Content>,
    lookMs = DEFAULT_LOOK_MS,
  ) {
    this.timer = setInterval(() => this.look(), lookMs);
    this.timer.unref();
  }

  /** What the files held when they were last found usable. */
  get current(): Content {
    return this.used;
  }

  stop(): void {
    clearInterval(this.timer);
  }

  /** A single failed check is not a problem: it may have come between the replacements of two files. */
  private look(): void {
    let found: Content | null;
    try {
      found = this.read(this.used);
    } catch (error) {
      if (!(error instanceof ConfigurationError)) throw error;
      if (++this.failures === 2) this.events.onProblem(error);
      return;
    }
    this.failures = 0;
    if (found === null) return;
    this.used = found;
    this.events.onChange(found);
  }
}
