/** Values of the form of a preview, and their conversion to the API. */
import { ApiProblem } from '../../api/problem.js';
import type { CreatePreview, Preview, PreviewAccess, UpdatePreview } from '../../api/previews.js';
import { texts } from './texts.js';

export interface HeaderValue {
  readonly name: string;
  readonly value: string;
}

export interface PreviewValues {
  readonly trafficManagerId: string;
  /** Whether it belongs to an existing intercept. */
  readonly isExisting: boolean;
  readonly interceptId: string;
  readonly intercept: { readonly name: string; readonly workload: string; readonly namespace: string };
  readonly ingress: {
    readonly host: string;
    readonly port: number | string;
    readonly useTls: boolean;
    readonly verifyTls: boolean;
    readonly l5Host: string;
    readonly protocol: Preview['ingress']['protocol'];
    readonly addressedAs: Preview['ingress']['addressedAs'];
  };
  readonly access: PreviewAccess;
  readonly allowedEmails: string[];
  readonly allowedDomains: string[];
  readonly displayBanner: boolean;
  readonly allowUpgrades: boolean;
  readonly pullRequestUrl: string;
  readonly addRequestHeaders: HeaderValue[];
  /** Value of an input of the type `datetime-local`; empty: never. */
  readonly expiresAt: string;
  /** Null: the default of the team; 0: never. */
  readonly idleExpirySeconds: number | null;
  /** Null: no requests are kept. */
  readonly keep: Preview['keep'];
}

export const NEW_PREVIEW: PreviewValues = {
  trafficManagerId: '',
  isExisting: false,
  interceptId: '',
  intercept: { name: '', workload: '', namespace: 'default' },
  ingress: {
    host: '',
    port: 80,
    useTls: false,
    verifyTls: true,
    l5Host: '',
    protocol: 'http1',
    addressedAs: 'l5host',
  },
  access: 'team',
  allowedEmails: [],
  allowedDomains: [],
  displayBanner: true,
  allowUpgrades: false,
  pullRequestUrl: '',
  addRequestHeaders: [],
  expiresAt: '',
  idleExpirySeconds: null,
  keep: null,
};

export function valuesOf(preview: Preview): PreviewValues {
  const { ingress, addRequestHeaders, expiresAt } = preview;
  return {
    trafficManagerId: preview.trafficManagerId,
    isExisting: true,
    interceptId: preview.interceptId,
    intercept: NEW_PREVIEW.intercept,
    ingress: { ...ingress, l5Host: ingress.l5Host === ingress.host ? '' : ingress.l5Host },
    access: preview.access,
    allowedEmails: preview.allowedEmails,
    allowedDomains: preview.allowedDomains,
    displayBanner: preview.displayBanner,
    allowUpgrades: preview.allowUpgrades,
    pullRequestUrl: preview.pullRequestUrl ?? '',
    addRequestHeaders: Object.entries(addRequestHeaders).map(([name, value]) => ({ name, value })),
    expiresAt: expiresAt === null ? '' : toLocal(expiresAt),
    idleExpirySeconds: preview.idleExpirySeconds,
    keep: preview.keep,
  };
}

/** Returns the settings of a preview that can change; its intercept cannot. */
export function toUpdate(values: PreviewValues): UpdatePreview {
  const { ingress } = values;
  return {
    ingress: {
      host: ingress.host.trim(),
      port: Number(ingress.port),
      useTls: ingress.useTls,
      verifyTls: ingress.verifyTls,
      protocol: ingress.protocol,
      addressedAs: ingress.addressedAs,
      ...(ingress.l5Host.trim() === '' ? {} : { l5Host: ingress.l5Host.trim() }),
    },
    access: values.access,
    allowedEmails: values.allowedEmails,
    allowedDomains: values.allowedDomains,
    displayBanner: values.displayBanner,
    allowUpgrades: values.allowUpgrades,
    pullRequestUrl: values.pullRequestUrl.trim() === '' ? null : values.pullRequestUrl.trim(),
    addRequestHeaders: Object.fromEntries(
      values.addRequestHeaders
        .filter(({ name }) => name.trim() !== '')
        .map(({ name, value }) => [name.trim(), value]),
    ),
    expiresAt: values.expiresAt === '' ? null : new Date(values.expiresAt).toISOString(),
    idleExpirySeconds: values.idleExpirySeconds,
    keep: values.keep,
  };
}

/** Returns `toUpdate` without an unchanged end: one that has passed cannot be set again. */
export function toChange(before: Preview, values: PreviewValues): UpdatePreview {
  const { expiresAt, ...change } = toUpdate(values);
  return values.expiresAt === valuesOf(before).expiresAt ? change : { ...change, expiresAt };
}

export function toCreation(values: PreviewValues): CreatePreview {
  return {
    ...(toUpdate(values) as CreatePreview),
    ...(values.trafficManagerId === '' || values.isExisting
      ? {}
      : { trafficManagerId: values.trafficManagerId }),
    ...(values.isExisting ? { interceptId: values.interceptId } : { intercept: interceptOf(values) }),
  };
}

function interceptOf({ intercept }: PreviewValues) {
  const workload = intercept.workload.trim();
  const name = intercept.name.trim();
  return { name: name === '' ? workload : name, workload, namespace: intercept.namespace.trim() };
}

type Errors = Record<string, string>;

/** Returns obvious errors before the request. The server makes the final check. */
export function validate(values: PreviewValues): Errors {
  const errors: Errors = {};
  const port = Number(values.ingress.port);
  if (values.isExisting && values.interceptId === '')
    errors['interceptId'] = texts.previewValues.interceptMissing;
  if (!values.isExisting && values.intercept.workload.trim() === '')
    errors['intercept.workload'] = texts.previewValues.workloadMissing;
  if (values.ingress.host.trim() === '') errors['ingress.host'] = texts.previewValues.hostMissing;
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    errors['ingress.port'] = texts.previewValues.badPort;
  if (values.expiresAt !== '' && Number.isNaN(Date.parse(values.expiresAt)))
    errors['expiresAt'] = texts.previewValues.badTime;
  return errors;
}

/** Returns the server's errors by the names of the form's fields; errors without a field are left out. */
export function errorsOf(error: unknown): Errors {
  if (!(error instanceof ApiProblem)) return {};
  return Object.fromEntries(
    error.fields.map(({ pointer, message }) => {
      const path = pointer.slice(1).split('/');
      const field =
        path[0] === 'ingress' || path[0] === 'intercept' || path[0] === 'keep'
          ? path.slice(0, 2)
          : path.slice(0, 1);
      return [field.join('.'), `${message.charAt(0).toUpperCase()}${message.slice(1)}`];
    }),
  );
}

/** Returns the moment in the time zone of the browser, to the minute. */
function toLocal(moment: string): string {
  const date = new Date(moment);
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
