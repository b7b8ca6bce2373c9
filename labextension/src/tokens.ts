import { Token } from '@lumino/coreutils';

import { ModelTrees } from './trees';

/** Name space of our plugins, commands and stored state. */
export const NAME = 'jairika-nb';

/** Id of the sidebar's panel. */
export const PANEL = 'jairika-nb-models';

export const IModelTrees = new Token<IModelTrees>(
  'jairika-nb:IModelTrees',
  'The models under the server root and their version trees.'
);

export interface IModelTrees {
  readonly trees: ModelTrees;
  /** Ask now; the panel shows the outcome, a failure too. */
  refresh(): Promise<void>;
  /** Tell whether somebody looks: nothing is asked for while nobody does. */
  setWatched(watched: boolean): void;
}
