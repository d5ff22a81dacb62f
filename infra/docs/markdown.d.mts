import type { Page } from './navigation.js';

/** The headings and links of a document. */
export interface Outline {
  /** The text of the first heading without its markup; empty without a heading. */
  readonly title: string;
  readonly anchors: ReadonlySet<string>;
  /** Targets of links and images in their order. */
  readonly targets: readonly string[];
}

export declare function slugOf(heading: string): string;
export declare function outlineOf(markdown: string): Outline;
export declare function readPages(folder: string): Page[];
