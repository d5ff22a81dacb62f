export * from './api.module.js';
export * from './people/bootstrap/bootstrap.js';
export * from './http/configure-api.js';
