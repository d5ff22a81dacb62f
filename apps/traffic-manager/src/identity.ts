/** The identity of this traffic manager, the same after every restart. */
import { createHash, randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface IdentitySources {
  /** Folder that keeps the id, or null if no folder outlives the process. */
  readonly stateDirectory: string | null;
  readonly hostname: string;
  /** The Kubernetes namespace, or empty. */
  readonly namespace: string;
}

const FILE_NAME = 'manager-id';

/** Where Kubernetes mounts the certificates of a cluster's own authority, unless the service account has no token. */
export const CLUSTER_CA_FILE = '/var/run/secrets/kubernetes.io/serviceaccount/ca.crt';
/** A larger file is not what Kubernetes mounts. */
const MAX_CA_BYTES = 1_048_576;
const CERTIFICATE = /-----BEGIN CERTIFICATE-----([^-]+)-----END CERTIFICATE-----/g;

/** A pod of a Deployment is `<name>-<template hash>-<random>`; of a StatefulSet `<name>-<ordinal>`, which is stable. */
const POD_SUFFIX = /-[a-z0-9]{6,10}-[a-z0-9]{5}$/;

/**
 * Returns the id in the state directory, and creates one if there is none. Without a writable directory it derives an id
 * from the namespace and the host name, minus the parts that Kubernetes changes with every pod.
 */
export function findManagerId(sources: IdentitySources): string {
  if (sources.stateDirectory !== null) {
    const kept = keptId(sources.stateDirectory);
    if (kept !== null) return kept;
  }
  const host = withoutPodSuffix(sources.hostname);
  const hash = createHash('sha256').update(`${sources.namespace}/${host}`).digest('hex').slice(0, 32);
  return `derived-${hash}`;
}

/** Returns the name of a pod without the parts that Kubernetes changes with every pod of a Deployment. */
export function withoutPodSuffix(pod: string): string {
  return pod.replace(POD_SUFFIX, '');
}

/**
 * Returns an id of the Kubernetes cluster, from the certificates of its own authority: every cluster has another one, and a
 * pod may read it without any role. Returns null outside a cluster.
 * @param file where Kubernetes mounts those certificates, in PEM
 */
export function findClusterId(file: string): string | null {
  let text: string;
  try {
    if (statSync(file).size > MAX_CA_BYTES) return null;
    text = readFileSync(file, 'utf8');
  } catch {
    return null;
  }
  // The order and the line breaks of the file mean nothing.
  const certificates = [...text.matchAll(CERTIFICATE)].map(([, body = '']) => body.replaceAll(/\s/g, ''));
  if (certificates.length === 0) return null;
  const hash = createHash('sha256').update(certificates.toSorted().join('\n')).digest('hex');
  return `ca-${hash.slice(0, 32)}`;
}

/** Null if the directory can neither be read nor written. */
function keptId(directory: string): string | null {
  const file = join(directory, FILE_NAME);
  try {
    mkdirSync(directory, { recursive: true });
    // `wx` lets one of two processes that start at once win; both read what it wrote.
    writeFileSync(file, randomUUID(), { flag: 'wx', mode: 0o600 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') return readId(file);
  }
  return readId(file);
}

function readId(file: string): string | null {
  try {
    const id = readFileSync(file, 'utf8').trim();
    return /^[!-~]{1,128}$/.test(id) ? id : null;
  } catch {
    return null;
  }
}
