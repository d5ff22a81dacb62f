export { startSampleService, type SampleService, type SampleServiceOptions } from './sample-service.js';
