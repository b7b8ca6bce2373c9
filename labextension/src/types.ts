/** What the server part answers, and what draws it needs from outside. */
import type * as React from 'react';

/** What the signatures of an iteration are worth, by the keys that the server's user trusts. */
export interface ISignature {
  state: 'trusted' | 'unknown' | 'bad' | 'unchecked' | 'unsigned';
  /** Name or fingerprint of the signer's key. */
  by: string;
  /** All of that in words. */
  text: string;
}

export interface IIteration {
  name: string;
  id: string;
  /** Time of the commit, UTC as `2023-10-05T14:23:45Z`. */
  time: string;
  message: string;
  metrics: Record<string, unknown>;
  parents: string[];
  layers: number;
  bytes: number;
  /** Absent where no iteration of the model is signed. */
  signature?: ISignature;
}

export interface IVariant {
  name: string;
  created: string;
  parent: { variant: string; iteration: string } | null;
  /** Oldest first, as the file keeps them. */
  iterations: IIteration[];
}

export interface ITree {
  address: string;
  /** Relative to the server's root, with forward slashes. */
  path: string;
  name: string;
  generation: number;
  current: string;
  variants: IVariant[];
}

/** One model as the listing gives it; `error` where it cannot be read. */
export interface IListed {
  path: string;
  name: string;
  bytes: number;
  modified: string;
  generation: number | null;
  error?: string;
}

export interface IListing {
  models: IListed[];
  /** Whether the scan stopped at a limit and more models may exist. */
  truncated: boolean;
}

export interface IInfo {
  version: string;
  api: number;
}

/** Where models are asked for; rejects with `RequestError` where the answer is no. */
export interface IBackend {
  info(): Promise<IInfo>;
  models(): Promise<IListing>;
  tree(path: string): Promise<ITree>;
}

/** A refusal of the server, or status 0 where there was no answer at all. */
export class RequestError extends Error {
  constructor(
    readonly status: number,
    message: string
  ) {
    super(message);
    this.name = 'RequestError';
  }
}

/** The one part of a translation bundle that the components use. */
export interface ITranslate {
  __(message: string, ...values: unknown[]): string;
}

export type Kind = 'model' | 'variant' | 'iteration';

/** Icons, handed in so that the components know nothing of JupyterLab. */
export interface IIcons {
  model: React.ComponentType;
  variant: React.ComponentType;
  chevron: React.ComponentType;
  refresh: React.ComponentType;
  search: React.ComponentType;
  copy: React.ComponentType;
  done: React.ComponentType;
  close: React.ComponentType;
  warning: React.ComponentType;
  /** A shield for each state of a signature. */
  seals: Record<ISignature['state'], React.ComponentType>;
}
