/** Models as the server would answer them, and plain stand-ins for what Lab hands in. */
import * as React from 'react';

import { IBackend, IIcons, IIteration, IListed, IListing, ITree } from '../types';

export function iteration(name: string, rest: Partial<IIteration> = {}): IIteration {
  return {
    name,
    id: `id-of-${name}`,
    time: '2023-10-05T14:23:45Z',
    message: '',
    metrics: {},
    parents: [],
    layers: 3,
    bytes: 1500,
    ...rest
  };
}

export function tree(path: string, generation: number, names: string[]): ITree {
  return {
    address: `file:///home/me/${path}`,
    path,
    name: path.replace('.jrk.h5', ''),
    generation,
    current: 'main',
    variants: [
      {
        name: 'main',
        created: '2023-10-05T14:23:45Z',
        parent: null,
        iterations: names.map(name => iteration(name))
      }
    ]
  };
}

export function listed(path: string, generation: number | null, error?: string): IListed {
  const name = path.replace('.jrk.h5', '');
  return { path, name, bytes: 1500, modified: '2023-10-05T14:23:45Z', generation, error };
}

/** A server part that answers from memory and counts what it is asked. */
export class Backend implements IBackend {
  trees: Record<string, ITree> = {};
  broken: IListed[] = [];
  asked: string[] = [];
  fault: Error | null = null;
  version = '0.1.0';

  put(made: ITree): this {
    this.trees[made.path] = made;
    return this;
  }

  info = () => this._answer('info', { version: this.version, api: 1 });

  models = () => {
    const models = Object.values(this.trees).map(each =>
      listed(each.path, each.generation)
    );
    return this._answer<IListing>('models', {
      models: [...models, ...this.broken],
      truncated: false
    });
  };

  tree = (path: string) => this._answer(`tree ${path}`, this.trees[path]);

  private async _answer<T>(question: string, answer: T): Promise<T> {
    this.asked.push(question);
    if (this.fault) {
      throw this.fault;
    }
    return answer;
  }
}

const icon = (): JSX.Element => <i />;

export const icons: IIcons = {
  model: icon,
  variant: icon,
  chevron: icon,
  refresh: icon,
  search: icon,
  copy: icon,
  done: icon,
  close: icon,
  warning: icon,
  seals: { trusted: icon, unknown: icon, bad: icon, unchecked: icon, unsigned: icon }
};

export const trans = {
  __: (message: string, ...values: unknown[]): string =>
    message.replace(/%(\d)/g, (_, place) => String(values[Number(place) - 1]))
};
