/** Texts of the local inspector's own page. */
export const texts = {
  title: 'Requests to this machine',
  downloadHar: 'Download HAR',
  endpoint: 'Endpoint',
  allEndpoints: 'All endpoints',
} as const;
