export { BANNER_CLOSED_PATH, type BannerDefinition } from './banner-html.js';
export { Banners } from './banners.js';
