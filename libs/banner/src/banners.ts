/**
 * Puts a banner into the pages of previews, as a filter of response bodies that a route carries. The relay asks it for the
 * request lines to send to the service instead of the visitor's, and passes it the body.
 */
import type { HeadLimits, RequestHead, ResponseHead } from '@culvert/http1';
import type { BodyFilter, BodySink, FilteredBody } from '@culvert/relay';
import { type BannerDefinition, bannerHtml } from './banner-html.js';
import { CodedPage, PlainPage } from './page-body.js';
import { getsBanner, isReplacedForPage, pageRequestLines } from './page-request.js';
import { closingOf, pageCodingOf, pageHead } from './page-response.js';

/** Limit of compressed pages that get a banner at once; each holds some 300 KiB in zlib. Further pages get none. */
export const MAX_CODED_PAGES = 128;

/** Creates the filters of all routes, which share the limit of unpacked pages. */
export class Banners {
  private codedPages = 0;

  /** Returns the filter of a route whose pages get the banner that `definition` describes. */
  filterFor(definition: BannerDefinition): BodyFilter {
    return new BannerFilter(definition, this);
  }

  // --- For filters ----------------------------------------------------------------------------------------

  /** Reserves room for a compressed page. False while too many are unpacked: the page then stays as it is. */
  reserve(): boolean {
    if (this.codedPages >= MAX_CODED_PAGES) return false;
    this.codedPages++;
    return true;
  }

  /** Releases what `reserve` took. */
  readonly release = (): void => {
    this.codedPages--;
  };
}

class BannerFilter implements BodyFilter {
  constructor(
    private readonly definition: BannerDefinition,
    private readonly banners: Banners,
  ) {}

  concerns(request: RequestHead): boolean {
    return getsBanner(request, this.definition);
  }

  replaces(request: RequestHead, i: number): boolean {
    return isReplacedForPage(request, i);
  }

  requestLines(request: RequestHead): string {
    return pageRequestLines(request);
  }

  open(
    request: RequestHead,
    response: ResponseHead,
    limits: HeadLimits,
    sink: BodySink,
  ): FilteredBody | null {
    const coding = pageCodingOf(request, response, this.definition);
    if (coding === null) return null;
    const head = pageHead(response, limits, request.method);
    const closing = closingOf(response);
    const isRemembered = closing.isRemembered && !this.definition.isKept;
    const banner = Buffer.from(bannerHtml(this.definition, { ...closing, isRemembered }), 'latin1');
    if (coding === 'identity') return new PlainPage(head, banner, sink);
    if (!this.banners.reserve()) return null;
    return new CodedPage(coding, head, banner, sink, this.banners.release);
  }
}
