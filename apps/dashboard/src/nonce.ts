import { setNonce } from 'get-nonce';

/** What the Content-Security-Policy of this page lets styles be written by. */
export const styleNonce = document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]')?.nonce ?? '';

// For the library that keeps pages from scrolling below dialogs.
setNonce(styleNonce);
