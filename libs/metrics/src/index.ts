export { CATALOG, type MetricName } from './catalog/catalog.js';
export { type MetricDefinition, type Program, PROGRAMS } from './catalog/definition.js';
export { Metrics, type Sample } from './metrics.js';
export { metricsPages } from './metrics-pages.js';
export { METRICS_TYPE } from './metrics-type.js';
export { metricsReference } from './reference.js';
