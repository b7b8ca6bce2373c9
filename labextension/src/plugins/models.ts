/** Keeps the models up to date: by events, by asking now and then, after changes of files. */
import { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { IStateDB } from '@jupyterlab/statedb';
import { Debouncer, Poll } from '@lumino/polling';

import { ServerBackend } from '../backend';
import { IModelTrees, NAME } from '../tokens';
import { ModelTrees } from '../trees';

/** Id of the events that the server part emits. */
const EVENT = 'urn:jairika-nb:model-changed:v1';
const STATE = `${NAME}:tree`;
const PLUGIN = `${NAME}:models`;
/** Milliseconds between questions: events are the quick way, this one is for where they fail. */
const INTERVAL = 10_000;
const SLOWEST = 120_000;
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
    const service = keepFresh(app, trees);
    void remember(app, trees, state);
    void follow(trees, settings);
    return service;
  }
};

function keepFresh(app: JupyterFrontEnd, trees: ModelTrees): IModelTrees {
  let watched = false;
  const poll = new Poll({
    name: PLUGIN,
    auto: false,
    factory: () => trees.refresh(),
    frequency: { interval: INTERVAL, backoff: true, max: SLOWEST },
    standby: () => (watched ? 'when-hidden' : true)
  });
  const ask = async (): Promise<void> => {
    if (watched && !document.hidden) {
      await poll.refresh();
    }
  };
  app.serviceManager.events.stream.connect((_, event) => {
    if (event.schema_id === EVENT) {
      void ask();
    }
  });
  app.serviceManager.contents.fileChanged.connect((_, change) => {
    const path = change.newValue?.path ?? change.oldValue?.path ?? '';
    if (path.endsWith('.h5')) {
      void ask();
    }
  });
  document.addEventListener('visibilitychange', () => void ask());
  return {
    trees,
    refresh: () => poll.refresh(),
    setWatched: (now: boolean) => {
      watched = now;
      void ask();
    }
  };
}

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
