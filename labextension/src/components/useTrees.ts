import * as React from 'react';

import { ModelTrees } from '../trees';

/** Draw again whenever the models, the filter or the selection change. */
export function useTrees(trees: ModelTrees): void {
  const [, again] = React.useReducer((count: number) => count + 1, 0);
  React.useEffect(() => {
    trees.changed.connect(again);
    // What changed between the first drawing and this moment was not heard.
    again();
    return () => {
      trees.changed.disconnect(again);
    };
  }, [trees]);
}
