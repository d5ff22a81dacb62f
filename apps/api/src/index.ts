export * from './api.module.js';
export * from './bootstrap/bootstrap.js';
export * from './configure-api.js';
