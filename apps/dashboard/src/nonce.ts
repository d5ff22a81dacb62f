import { setNonce } from 'get-nonce';

/** Nonce with which the Content-Security-Policy of this page allows styles. */
export const styleNonce = document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]')?.nonce ?? '';

// For the library that stops the page from scrolling below dialogs.
setNonce(styleNonce);
