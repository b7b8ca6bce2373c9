/** The models for everybody who shows them, with what was unfolded and chosen before. */
import { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { IStateDB } from '@jupyterlab/statedb';
import { Debouncer } from '@lumino/polling';

import { ServerBackend } from '../backend';
import { Freshness } from '../freshness';
import { IModelTrees, NAME } from '../tokens';
import { ModelTrees } from '../trees';

const STATE = `${NAME}:tree`;
const PLUGIN = `${NAME}:models`;
/** Milliseconds of quiet after which the state is kept. */
const SAVE_AFTER = 1_000;

export const models: JupyterFrontEndPlugin<IModelTrees> = {
  id: PLUGIN,
  description: 'The models under the server root and their version trees.',
  autoStart: true,
  provides: IModelTrees,
  optional: [IStateDB, ISettingRegistry],
  activate: (
    app: JupyterFrontEnd,
    state: IStateDB | null,
    settings: ISettingRegistry | null
  ): IModelTrees => {
    const trees = new ModelTrees(new ServerBackend(app.serviceManager.serverSettings));
    void remember(app, trees, state);
    void follow(trees, settings);
    return new Freshness(app.serviceManager, trees);
  }
};

/** Restore what was unfolded on the last visit, and keep it from now on. */
async function remember(
  app: JupyterFrontEnd,
  trees: ModelTrees,
  state: IStateDB | null
): Promise<void> {
  if (state === null) {
    return;
  }
  await app.restored;
  const kept = await state.fetch(STATE);
  if (kept !== null && typeof kept === 'object' && !Array.isArray(kept)) {
    trees.expansion = kept as Record<string, boolean>;
  }
  const saver = new Debouncer(() => state.save(STATE, trees.expansion), SAVE_AFTER);
  trees.changed.connect(() => void saver.invoke());
}

/** Take the user's choice of measure, now and whenever it changes. */
async function follow(
  trees: ModelTrees,
  registry: ISettingRegistry | null
): Promise<void> {
  if (registry === null) {
    return;
  }
  try {
    const settings = await registry.load(PLUGIN);
    const apply = (): void =>
      trees.setMetric((settings.get('metric').composite as string) ?? '');
    settings.changed.connect(apply);
    apply();
  } catch (reason) {
    console.warn(`${PLUGIN}: settings are not available, defaults are used.`, reason);
  }
}
